"""The peer of `bench serve`: the same network behind Python's own HTTP server, PyTorch on the CPU, Pillow for decoding.

Debian: python3-torch, python3-torchvision, python3-pil. Weights are random: they cost the same as trained ones.
Prints one JSON line with its address once it listens.
"""

import argparse
import io
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import torch
import torchvision
from PIL import Image, ImageOps
from torchvision import transforms


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", default="mobilenet_v2")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--resize", type=int, default=256)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1, help="of one operation; requests have a thread each")
    args = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    model = getattr(torchvision.models, args.arch)(num_classes=args.classes).eval()
    prepare = transforms.Compose(
        [
            transforms.Resize(args.resize),
            transforms.CenterCrop(args.size),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            photo = ImageOps.exif_transpose(Image.open(io.BytesIO(body))).convert("RGB")
            with torch.inference_mode():
                probabilities = model(prepare(photo)[None]).softmax(1)[0].tolist()
            answer = json.dumps({"probabilities": probabilities}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        # The default of 5 refuses connections when 64 clients come at once.
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Handler)
    with torch.inference_mode():
        model(torch.zeros(1, 3, args.size, args.size))
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__}
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_address[1]}", "versions": versions}), flush=True)
    server.serve_forever()


main()
