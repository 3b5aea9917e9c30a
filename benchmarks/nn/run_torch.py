"""PyTorch's side of bench:nn, in a process of its own: prepares one case, then runs it once per line on stdin.

run_torch.py CASE LAYOUT THREADS; prints one JSON line per run ({"ms"}), and {"parameters", "peakMib", "version"} at the end.
"""
import json
import resource
import sys
import time

import torch
from torch import nn

import networks

case, layout, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(0)

rank = 3 if case.startswith("unet-3d") else 2
network, shape, pixels, training = {
    "unet-2d training": lambda: (networks.UNet(2, 1, 3, 32, 4), [8, 1, 128, 128], True, True),
    "unet-3d training": lambda: (networks.UNet(3, 1, 3, 16, 4), [1, 1, 64, 64, 64], True, True),
    "vgg16 training": lambda: (networks.vgg16(2, "pooled"), [16, 3, 64, 64], False, True),
    "vgg16 training, 4096-wide head": lambda: (networks.vgg16(2, "fc"), [16, 3, 64, 64], False, True),
    "vgg16 training, ten convolutions frozen": lambda: (networks.vgg16(2, "pooled"), [16, 3, 64, 64], False, True),
    "resnet18-unet training": lambda: (networks.ResNet18UNet(3), [8, 3, 128, 128], True, True),
    "unet-2d inference, 256 px": lambda: (networks.UNet(2, 1, 3, 32, 4), [1, 1, 256, 256], True, False),
    "unet-2d inference, 512 px": lambda: (networks.UNet(2, 1, 3, 32, 4), [1, 1, 512, 512], True, False),
    "vgg16 inference, 1 image": lambda: (networks.vgg16(1000, "fc"), [1, 3, 224, 224], False, False),
    "vgg16 inference, 8 images": lambda: (networks.vgg16(1000, "fc"), [8, 3, 224, 224], False, False),
    "resnet50 inference, 1 image": lambda: (networks.ResNet([3, 4, 6, 3], True, 1000), [1, 3, 224, 224], False, False),
    "resnet50 inference, 8 images": lambda: (networks.ResNet([3, 4, 6, 3], True, 1000), [8, 3, 224, 224], False, False),
    "densenet121 inference, 1 image": lambda: (networks.densenet121(1000), [1, 3, 224, 224], False, False),
    "densenet121 inference, 8 images": lambda: (networks.densenet121(1000), [8, 3, 224, 224], False, False),
}[case]()

parameters = sum(p.numel() for p in network.parameters())
memory = torch.contiguous_format
if layout == "channels_last":
    memory = torch.channels_last_3d if rank == 3 else torch.channels_last
network = network.to(memory_format=memory)
image = torch.randn(shape).contiguous(memory_format=memory)

if training:
    if case.endswith("frozen"):
        frozen = [m for m in network if isinstance(m, nn.Conv2d)][:10]
        for module in frozen:
            for parameter in module.parameters():
                parameter.requires_grad = False
    network.train()
    classes = 3 if pixels else 2
    target = torch.randint(0, classes, [shape[0], *shape[2:]] if pixels else [shape[0]])
    loss_of = nn.CrossEntropyLoss()
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=1e-4)

    def run():
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(network(image), target)
        loss.backward()
        optimiser.step()
        return loss.item()
else:
    network.eval()

    def run():
        with torch.inference_mode():
            return torch.softmax(network(image), 1).sum().item()

for line in sys.stdin:
    if line.strip() != "run":
        break
    start = time.perf_counter()
    run()
    print(json.dumps({"ms": (time.perf_counter() - start) * 1000}), flush=True)

peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"parameters": parameters, "peakMib": peak, "version": torch.__version__}), flush=True)
