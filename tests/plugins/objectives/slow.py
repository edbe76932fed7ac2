"""The objectives' parts again, in plain numbers and loops, and random batches to try them on."""

import math

import torch


def cosine(left, right):
    product = sum(x * y for x, y in zip(left, right, strict=True))
    return product / math.hypot(*left) / math.hypot(*right)


def softmax(values):
    weights = [math.exp(value) for value in values]
    return [weight / sum(weights) for weight in weights]


def divergence(p, q):
    """KL(p || q)."""
    return sum(x * math.log(x / y) for x, y in zip(p, q, strict=True))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def one_way(rows, columns, temperature, left_out):
    """Cross entropy of (n, dim) rows against columns, each row's own the right one."""
    losses = []
    for i, row in enumerate(rows):
        terms = {
            j: math.exp(cosine(row, column) / temperature)
            for j, column in enumerate(columns)
            if i == j or not left_out[i][j]
        }
        losses.append(-math.log(terms[i] / sum(terms.values())))
    return mean(losses)


def numbers(batch):
    """A batch's tensors as nested lists."""
    return {name: tensor.tolist() for name, tensor in batch.items()}


def random_batch(seed, *names, rows=4, dim=3, negatives=0, masked=False):
    """Float64 vectors; with ``masked``, about a third of all pairs are duplicates."""
    torch.manual_seed(seed)
    batch = {name: torch.randn(rows, dim, dtype=torch.float64) for name in names}
    if negatives:
        batch["negatives"] = torch.randn(rows * negatives, dim, dtype=torch.float64)
    if masked:
        # The diagonal is marked here and there, too: a positive must not be left out.
        batch["duplicate"] = torch.rand(rows, rows) < 1 / 3
        batch["duplicate_negative"] = torch.rand(rows, rows * negatives) < 1 / 3
    return batch


def gradients_are_right(objective, batch):
    """Whether the gradient of every vector equals central differences."""
    names = [name for name, tensor in batch.items() if tensor.is_floating_point()]

    def loss(*vectors):
        return objective.loss({**batch, **dict(zip(names, vectors, strict=True))})

    return torch.autograd.gradcheck(loss, [batch[name].clone().requires_grad_() for name in names])


def gradients(objective, batch):
    """The loss, and its gradient for each of the batch's vectors."""
    leaves = {
        name: tensor.clone().requires_grad_() if tensor.is_floating_point() else tensor
        for name, tensor in batch.items()
    }
    loss = objective.loss(leaves)
    loss.backward()
    return loss.item(), {name: leaf.grad for name, leaf in leaves.items() if leaf.requires_grad}
