"""The networks of src/models in plain PyTorch, as functions of a dictionary of weights (Debian has no torchvision).

Reads requests from stdin, each after its length (64 bits): safetensors files of float32 arrays whose metadata hold
`request`, JSON with
  network   name of a function below, and `options` for it
  training  whether batch norm uses the statistics of the batch
  dtype     'float32' or 'float64'
  gradient  names of the parameters whose gradients are wanted; the loss is -sum(target * log_softmax(logits)).
Arrays: the weights by name, `image`, and `target` (with gradient).
Writes to stdout, after the length in bytes and as raw float64: the logits (or feature maps, one after the other), then
the gradients.
"""
import json
import struct
import sys

import numpy
import torch
from torch.nn import functional as F


class Net:
    def __init__(self, weights, training, padding):
        self.w, self.training, self.padding = weights, training, padding

    def conv(self, name, x, stride=1, pad=None):
        weight = self.w[name + ".weight"]
        if pad is None:
            pad = weight.shape[-1] // 2 if self.padding == "same" else 0
        function = F.conv2d if weight.dim() == 4 else F.conv3d
        return function(x, weight, self.w.get(name + ".bias"), stride, pad)

    def up(self, name, x):
        weight = self.w[name + ".weight"]
        function = F.conv_transpose2d if weight.dim() == 4 else F.conv_transpose3d
        return function(x, weight, self.w[name + ".bias"], 2)

    def norm(self, name, x):
        """Batch norm where there are running statistics, else instance norm."""
        scale, shift = self.w[name + ".weight"], self.w[name + ".bias"]
        if name + ".running_mean" not in self.w:
            return F.instance_norm(x, weight=scale, bias=shift)
        mean, variance = self.w[name + ".running_mean"].clone(), self.w[name + ".running_var"].clone()
        return F.batch_norm(x, mean, variance, scale, shift, self.training)

    def linear(self, name, x):
        return F.linear(x, self.w[name + ".weight"], self.w[name + ".bias"])

    def has(self, name):
        return name + ".weight" in self.w


def crop(x, like, stride=1):
    """The pixels of x on which windows of a result of this size are centred: written out with explicit offsets."""
    for axis in range(2, x.dim()):
        size, wanted = x.shape[axis], like.shape[axis]
        if -(-size // stride) != wanted:
            first = (size - (stride * (wanted - 1) + 1)) // 2
            x = x.narrow(axis, first, stride * (wanted - 1) + 1)
    return x


def pooled(net, name, x):
    return net.linear(name, x.mean(dim=tuple(range(2, x.dim()))))


def vgg_maps(net, image, stages, batch_norm):
    x, index, maps = image, 0, []
    for row, length in enumerate(stages):
        if row > 0:
            x = F.max_pool2d(x, 2)
            index += 1
        for _ in range(length):
            x = net.conv(f"features.{index}", x)
            index += 1
            if batch_norm:
                x = net.norm(f"features.{index}", x)
                index += 1
            x = F.relu(x)
            index += 1
        maps.append(x)
    return maps


def vgg(net, image, stages, batch_norm=False, head="fc"):
    x = F.max_pool2d(vgg_maps(net, image, stages, batch_norm)[-1], 2)
    if head == "pooled":
        return pooled(net, "classifier", x)
    x = torch.flatten(F.adaptive_avg_pool2d(x, 7), 1)
    x = F.relu(net.linear("classifier.0", x))
    x = F.relu(net.linear("classifier.3", x))
    return net.linear("classifier.6", x)


def resnet_maps(net, image, blocks):
    same = net.padding == "same"
    maps = [F.relu(net.norm("bn1", net.conv("conv1", image, 2)))]
    x = F.max_pool2d(maps[0], 3, 2, 1 if same else 0)
    for stage, length in enumerate(blocks):
        for block in range(length):
            at = f"layer{stage + 1}.{block}."
            stride = 2 if stage > 0 and block == 0 else 1
            if net.has(at + "conv3"):
                y = F.relu(net.norm(at + "bn1", net.conv(at + "conv1", x)))
                y = F.relu(net.norm(at + "bn2", net.conv(at + "conv2", y, stride)))
                y = net.norm(at + "bn3", net.conv(at + "conv3", y))
            else:
                y = F.relu(net.norm(at + "bn1", net.conv(at + "conv1", x, stride)))
                y = net.norm(at + "bn2", net.conv(at + "conv2", y))
            shortcut = crop(x, y, stride)
            if net.has(at + "downsample.0"):
                shortcut = net.norm(at + "downsample.1", net.conv(at + "downsample.0", shortcut, stride))
            x = F.relu(y + shortcut)
        maps.append(x)
    return maps


def resnet(net, image, blocks):
    return pooled(net, "fc", resnet_maps(net, image, blocks)[-1])


def joined(x, y):
    return torch.cat([crop(x, y), y], 1)


def densenet(net, image, blocks):
    same = net.padding == "same"
    x = F.relu(net.norm("features.norm0", net.conv("features.conv0", image, 2)))
    x = F.max_pool2d(x, 3, 2, 1 if same else 0)
    for block, length in enumerate(blocks):
        for layer in range(length):
            at = f"features.denseblock{block + 1}.denselayer{layer + 1}."
            y = net.conv(at + "conv1", F.relu(net.norm(at + "norm1", x)))
            y = net.conv(at + "conv2", F.relu(net.norm(at + "norm2", y)))
            x = joined(x, y)
        if block < len(blocks) - 1:
            at = f"features.transition{block + 1}."
            x = F.avg_pool2d(net.conv(at + "conv", F.relu(net.norm(at + "norm", x))), 2)
    return pooled(net, "classifier", F.relu(net.norm("features.norm5", x)))


def densenet40(net, image, form):
    published = form == "published"
    x = net.conv("features.conv0", image)
    if not published:
        x = net.norm("features.norm0", x)
    for block in range(3):
        for layer in range(12):
            at = f"features.denseblock{block + 1}.denselayer{layer + 1}."
            y = net.norm(at + "norm1", x) if published else x
            x = joined(x, net.conv(at + "conv1", F.relu(y)))
        if block < 2:
            at = f"features.transition{block + 1}."
            if published:
                x = F.avg_pool2d(net.conv(at + "conv", F.relu(net.norm(at + "norm", x))), 2)
            else:
                x = net.norm(at + "norm", F.avg_pool2d(net.conv(at + "conv", x), 2))
    if published:
        x = net.norm("features.norm5", x)
    return pooled(net, "classifier", F.relu(x))


def resnet20(net, image):
    x = F.relu(net.norm("bn1", net.conv("conv1", image)))
    for stage in range(3):
        for block in range(3):
            at = f"layer{stage + 1}.{block}."
            stride = 2 if stage > 0 and block == 0 else 1
            y = F.relu(net.norm(at + "bn1", net.conv(at + "conv1", x, stride)))
            y = net.norm(at + "bn2", net.conv(at + "conv2", y))
            shortcut = crop(x, y, stride)
            if stride == 2:
                more = y.shape[1] // 4
                shortcut = F.pad(shortcut[:, :, ::2, ::2], (0, 0, 0, 0, more, more))
            x = F.relu(y + shortcut)
    return pooled(net, "linear", x)


def squeezenet(net, image):
    x = F.relu(net.conv("features.0", image, 2, 0))
    for index in range(2, 13):
        if index in (2, 6, 11):
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        else:
            at = f"features.{index}."
            x = F.relu(net.conv(at + "squeeze", x))
            x = joined(F.relu(net.conv(at + "expand1x1", x)), F.relu(net.conv(at + "expand3x3", x)))
    return F.relu(net.conv("classifier.1", x)).mean(dim=(2, 3))


def unet_block(net, at, x, count, residual, slope):
    y = x
    for i in range(1, count + 1):
        y = net.conv(f"{at}.conv{i}", y)
        if net.has(f"{at}.norm{i}"):
            y = net.norm(f"{at}.norm{i}", y)
        if i < count or not residual:
            y = F.leaky_relu(y, slope)
    if not residual:
        return y
    shortcut = crop(x, y)
    if net.has(f"{at}.shortcut.conv"):
        shortcut = net.conv(f"{at}.shortcut.conv", shortcut)
        if net.has(f"{at}.shortcut.norm"):
            shortcut = net.norm(f"{at}.shortcut.norm", shortcut)
    return F.leaky_relu(y + shortcut, slope)


def unet(net, image, levels, count, residual=False, slope=0.0):
    skips, x = [], image
    for level in range(levels):
        if level > 0:
            x = (F.max_pool2d if x.dim() == 4 else F.max_pool3d)(x, 2)
        x = unet_block(net, f"encoder{level}", x, count, residual, slope)
        skips.append(x)
    for level in reversed(range(levels - 1)):
        x = joined(skips[level], net.up(f"up{level}", x))
        x = unet_block(net, f"decoder{level}", x, count, residual, slope)
    return net.conv("head", x)


def encoder_unet(net, image, encoder, options, up="convolution"):
    maps = {"resnet": resnet_maps, "vgg": vgg_maps}[encoder](net, image, **options)
    full = 0 if encoder == "vgg" else 1
    x = maps[-1]
    for level in reversed(range(len(maps) - 1 + full)):
        if up == "convolution":
            x = net.up(f"up{level}", x)
        else:
            x = F.interpolate(x, scale_factor=2, mode={"nearest": "nearest", "linear": "bilinear"}[up])
        if level >= full:
            x = joined(maps[level - full], x)
        x = unet_block(net, f"decoder{level}", x, 2, False, 0.0)
    return net.conv("head", x)


def answer(file):
    length = struct.unpack("<Q", file[:8])[0]
    header = json.loads(file[8 : 8 + length])
    request = json.loads(header.pop("__metadata__")["request"])
    dtype = getattr(torch, request["dtype"])
    arrays = {}
    for name, entry in header.items():
        first, end = entry["data_offsets"]
        values = numpy.frombuffer(file, "<f4", (end - first) // 4, 8 + length + first)
        arrays[name] = torch.from_numpy(values.copy()).reshape(entry["shape"]).to(dtype)
    image, target = arrays.pop("image"), arrays.pop("target", None)
    wanted = request.get("gradient", [])
    for name in wanted:
        arrays[name].requires_grad_()
    net = Net(arrays, request["training"], request.get("padding", "same"))
    found = globals()[request["network"]](net, image, **request.get("options", {}))
    results = list(found) if isinstance(found, (list, tuple)) else [found]
    if wanted:
        loss = -(target * torch.log_softmax(found, 1)).sum()
        loss.backward()
        results += [arrays[name].grad for name in wanted]
    return b"".join(result.detach().double().contiguous().numpy().tobytes() for result in results)


torch.set_num_threads(1)
while True:
    head = sys.stdin.buffer.read(8)
    if not head:
        break
    result = answer(sys.stdin.buffer.read(struct.unpack("<Q", head)[0]))
    sys.stdout.buffer.write(struct.pack("<Q", len(result)) + result)
