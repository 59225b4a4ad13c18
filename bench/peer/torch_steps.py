#!/usr/bin/env python3
"""The peer of `bench steps-in-turn`: one training step of a torchvision network for each line on standard input, its seconds as a line on standard output.

As shared/peer/torch_train_step.py: ten classes, AdamW, random float images, no augmentation. Needs Debian's python3-torch and python3-torchvision.

    python3 torch_steps.py --size 128 --batch 16 --threads 2 resnet34
"""
import argparse
import sys
import time

import torch
import torchvision

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("arch")
parser.add_argument("--size", type=int, default=128)
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()

torch.set_num_threads(args.threads)
torch.manual_seed(0)
extra = {"aux_logits": False, "init_weights": False} if args.arch == "googlenet" else {}
model = getattr(torchvision.models, args.arch)(num_classes=10, **extra).train()
optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
images = torch.randn(args.batch, 3, args.size, args.size)
targets = torch.randint(0, 10, (args.batch,))
print("ready", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(images), targets).backward()
    optimizer.step()
    print(time.perf_counter() - start, flush=True)
