// The larger architectures against torchvision's, on both targets.

import { describe } from "vitest";
import { againstTorchvision, large } from "../helpers/torchvision.ts";

describe.each(large)("%s", againstTorchvision);
