"""Data-parallel training over processes: who this process is, and sums over all of them.

Gradients are summed here, in buckets of a fixed layout, instead of by DistributedDataParallel: that one
lays its buckets anew after the first step, so that a resumed run would add in another order than one that
was never interrupted, and the bits would differ.
"""

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

BUCKET_ELEMENTS = 16 * 1024 * 1024


@dataclass(frozen=True)
class Processes:
    """The group: this process's rank, how many there are, and the device that it trains on."""

    rank: int
    count: int
    device: torch.device

    @property
    def is_first(self):
        return self.rank == 0

    def sums(self, values):
        """The element-wise sums, over all processes, of a list of numbers (as float64)."""
        if self.count == 1:
            return [float(value) for value in values]
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        return tensor.tolist()

    def any(self, flag):
        """Whether the flag is set in any process; all of them get the same answer."""
        return self.sums([float(flag)])[0] > 0

    def sum_gradients(self, parameters):
        """Replaces each gradient by its sum over all processes; a missing one counts as zeros."""
        if self.count == 1:
            return
        for bucket in _buckets(parameters):
            for parameter in bucket:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
            flat = torch.cat([parameter.grad.reshape(-1) for parameter in bucket])
            dist.all_reduce(flat)
            offset = 0
            for parameter in bucket:
                size = parameter.numel()
                parameter.grad.copy_(flat[offset : offset + size].view_as(parameter.grad))
                offset += size

    def share_first(self, tensors):
        """Gives every process the first one's values."""
        if self.count > 1:
            for tensor in tensors:
                dist.broadcast(tensor.data, src=0)

    def gather(self, value):
        """The values of all processes, by rank; on other processes than the first, None."""
        if self.count == 1:
            return [value]
        values = [None] * self.count if self.is_first else None
        dist.gather_object(value, values)
        return values

    def wait_for_all(self):
        if self.count > 1:
            self.any(False)


def join():
    """Joins the process group that the environment describes (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT)."""
    count = int(os.environ.get("WORLD_SIZE") or 1)
    rank = int(os.environ.get("RANK") or 0)
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK") or 0))
        torch.cuda.set_device(device)
    else:
        device = torch.device("cpu")
    if count > 1:
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, rank=rank, world_size=count, timeout=timedelta(minutes=10))
    return Processes(rank, count, device)


def _buckets(parameters):
    """Parameters in their own order, grouped by type up to the bucket size."""
    bucket, elements = [], 0
    for parameter in parameters:
        full = elements + parameter.numel() > BUCKET_ELEMENTS
        if bucket and (full or parameter.dtype != bucket[0].dtype):
            yield bucket
            bucket, elements = [], 0
        bucket.append(parameter)
        elements += parameter.numel()
    if bucket:
        yield bucket
