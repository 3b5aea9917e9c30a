"""The benchmark's networks in plain PyTorch, as torchvision and the U-Net papers have them (no torchvision in Debian)."""
import torch
from torch import nn
from torch.nn import functional as F


def vgg16(classes, head):
    layers, channels = [], 3
    for width in [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]:
        if width == 0:
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
    if head == "pooled":
        tail = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes)]
    else:
        tail = [
            nn.AdaptiveAvgPool2d(7), nn.Flatten(),
            nn.Linear(512 * 49, 4096), nn.ReLU(inplace=True), nn.Dropout(0.5),
            nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(0.5),
            nn.Linear(4096, classes),
        ]
    return nn.Sequential(*layers, *tail)


class Residual(nn.Module):
    """Basic block (two 3 x 3) or bottleneck (1 x 1, 3 x 3, 1 x 1), with a projection where the shape changes."""

    def __init__(self, inputs, width, stride, bottleneck):
        super().__init__()
        outputs = width * 4 if bottleneck else width
        conv = lambda i, o, k, s: nn.Conv2d(i, o, k, s, k // 2, bias=False)
        steps = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)] if bottleneck else [
            (inputs, width, 3, stride), (width, width, 3, 1)]
        body = []
        for index, step in enumerate(steps):
            body += [conv(*step), nn.BatchNorm2d(step[1])]
            if index < len(steps) - 1:
                body.append(nn.ReLU(inplace=True))
        self.body = nn.Sequential(*body)
        self.skip = None
        if stride != 1 or inputs != outputs:
            self.skip = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return F.relu(self.body(x) + (x if self.skip is None else self.skip(x)), inplace=True)


class ResNet(nn.Module):
    def __init__(self, depths, bottleneck, classes):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True))
        self.pool = nn.MaxPool2d(3, 2, 1)
        channels, stages = 64, []
        for stage, depth in enumerate(depths):
            blocks, width = [], 64 * 2 ** stage
            for block in range(depth):
                blocks.append(Residual(channels, width, 2 if block == 0 and stage > 0 else 1, bottleneck))
                channels = width * (4 if bottleneck else 1)
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.fc = nn.Linear(channels, classes) if classes else None

    def maps(self, x):
        found = [self.stem(x)]
        x = self.pool(found[0])
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found

    def forward(self, x):
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(self.maps(x)[-1], 1), 1))


class DenseLayer(nn.Module):
    def __init__(self, inputs, growth):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        y = self.conv1(F.relu(self.norm1(x), inplace=True))
        return torch.cat([x, self.conv2(F.relu(self.norm2(y), inplace=True))], 1)


def densenet121(classes):
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, depth in enumerate([6, 12, 24, 16]):
        for _ in range(depth):
            layers.append(DenseLayer(channels, 32))
            channels += 32
        layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
        if stage < 3:
            layers += [nn.Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2)]
            channels //= 2
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class UNet(nn.Module):
    """Two 3 x 3 (x 3) convolutions with norm and ReLU per level; max-pooling down, up-convolution 2 up."""

    def __init__(self, rank, inputs, classes, base, levels):
        super().__init__()
        conv, up, norm = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d) if rank == 2 else (
            nn.Conv3d, nn.ConvTranspose3d, lambda c: nn.InstanceNorm3d(c, affine=True))
        self.pool = nn.MaxPool2d(2) if rank == 2 else nn.MaxPool3d(2)

        def block(i, o):
            return nn.Sequential(conv(i, o, 3, padding=1, bias=False), norm(o), nn.ReLU(inplace=True),
                                 conv(o, o, 3, padding=1, bias=False), norm(o), nn.ReLU(inplace=True))

        widths = [base * 2 ** level for level in range(levels)]
        self.down = nn.ModuleList([block(i, o) for i, o in zip([inputs] + widths, widths)])
        self.up = nn.ModuleList([up(2 * w, w, 2, 2) for w in widths[:-1]])
        self.merge = nn.ModuleList([block(2 * w, w) for w in widths[:-1]])
        self.head = conv(base, classes, 1)

    def forward(self, x):
        skips = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        for level in reversed(range(len(self.up))):
            x = self.merge[level](torch.cat([skips[level], self.up[level](x)], 1))
        return self.head(x)


class ResNet18UNet(nn.Module):
    """ResNet18 as encoder; up-convolution 2, the encoder's map of that size, two 3 x 3 with norm and ReLU."""

    def __init__(self, classes):
        super().__init__()
        self.encoder = ResNet([2, 2, 2, 2], False, 0)

        def block(i, o):
            return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True),
                                 nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))

        below, skips, widths = [512, 256, 128, 64, 64], [256, 128, 64, 64, 0], [256, 128, 64, 64, 32]
        self.up = nn.ModuleList([nn.ConvTranspose2d(b, w, 2, 2) for b, w in zip(below, widths)])
        self.merge = nn.ModuleList([block(w + s, w) for w, s in zip(widths, skips)])
        self.head = nn.Conv2d(32, classes, 1)

    def forward(self, x):
        maps = self.encoder.maps(x)
        y = maps.pop()
        for up, merge in zip(self.up, self.merge):
            y = up(y)
            y = merge(torch.cat([maps.pop(), y], 1) if maps else y)
        return self.head(y)
