"""The blocks of a Llama- or Qwen2-type decoder, differentiable, on the weights of a `transformers` module.

Hand-written backward passes keep less and compute less than the library's chains of small operations; their gradients
are compared with the library's in the tests.

Legend: N packed tokens, d hidden, M width of the MLP, H heads, D head size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Angles(NamedTuple):
    """cos and sin of each token's rotation: [N, 1, D/2] each, in the dtype of the activations."""

    cos: Tensor
    sin: Tensor

    def take(self, index: Tensor) -> Angles:
        """Return the angles of some tokens."""
        return Angles(self.cos[index], self.sin[index])


class _JointLinear(torch.autograd.Function):
    """y = x W^T + b where W and b are buffers whose row blocks are the given parameters."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, *params: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.sizes = [0 if p is None else p.shape[0] for p in params]
        return F.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (g,) = grads
        x, weight = ctx.saved_tensors
        needs = ctx.needs_input_grad
        half = len(ctx.sizes) // 2
        out: list[Tensor | None] = [g @ weight if needs[0] else None, None, None]
        for part, wanted in ((0, needs[3 : 3 + half]), (1, needs[3 + half :])):
            total = (g.t() @ x if part == 0 else g.sum(0)) if any(wanted) else None
            sizes = ctx.sizes[:half]
            pieces = total.split(sizes) if total is not None else [None] * half
            out += [piece if want else None for piece, want in zip(pieces, wanted)]
        return tuple(out)


class _Norm(torch.autograd.Function):
    """RMSNorm that keeps only its input and the inverse root-mean-square."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        rstd = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, rstd)
        y: Tensor = x * rstd
        return y.mul_(weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (g,) = grads
        x, weight, rstd = ctx.saved_tensors
        hat = x * rstd
        gw = None
        if ctx.needs_input_grad[1]:
            gw = (g * hat).reshape(-1, x.shape[-1]).sum(0)
        gx = g * weight
        dot = torch.linalg.vecdot(gx, hat).unsqueeze(-1).div_(x.shape[-1])
        gx.sub_(hat.mul_(dot)).mul_(rstd)
        return gx, gw, None


class _Rotate(torch.autograd.Function):
    """`rotate_`; the backward rotates by the opposite angle."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor, heads: int) -> Tensor:
        ctx.save_for_backward(cos, sin)
        ctx.heads = heads
        ctx.mark_dirty(x)
        return rotate_(x, Angles(cos, sin), heads)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        cos, sin = ctx.saved_tensors
        return rotate_(grads[0].clone(), Angles(cos, -sin), ctx.heads), None, None, None


class _SwiGLU(torch.autograd.Function):
    """silu(gate) * up of [N, 2M] = [gate | up]."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        gate, up = z.chunk(2, -1)
        lit = F.silu(gate)
        ctx.save_for_backward(z, lit)
        y: Tensor = lit * up
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (g,) = grads
        z, lit = ctx.saved_tensors
        gate, up = z.chunk(2, -1)
        out = torch.empty_like(z)
        dgate, dup = out.chunk(2, -1)
        torch.mul(g, lit, out=dup)
        torch.ops.aten.silu_backward.grad_input(g * up, gate, grad_input=dgate)
        return (out,)


def rotate_(x: Tensor, angles: Angles, heads: int) -> Tensor:
    """Rotate, in place, pairs (i, i + D/2) of each of the first `heads` heads: [N, H * D]."""
    half = angles.cos.shape[-1]
    pairs = x.view(len(x), -1, 2, half)[:, :heads]  # a view taken here costs the autograd graph nothing
    a, b = pairs[:, :, 0], pairs[:, :, 1]
    turned = torch.mul(a, angles.cos).addcmul_(b, angles.sin, value=-1)
    b.mul_(angles.cos).addcmul_(a, angles.sin)
    a.copy_(turned)
    return x


_joint_linear: Callable[..., Tensor] = _JointLinear.apply
_norm: Callable[..., Tensor] = _Norm.apply
_rotate: Callable[..., Tensor] = _Rotate.apply
_swiglu: Callable[..., Tensor] = _SwiGLU.apply


def rotated(x: Tensor, angles: Angles, heads: int) -> Tensor:
    """`rotate_`, differentiable where gradients are recorded; `x` is used up."""
    return _rotate(x, *angles, heads) if torch.is_grad_enabled() else rotate_(x, angles, heads)


class Joint:
    """Linear layers that read the same input, run as one product where none of them is wrapped."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self.modules: list[Any] = list(modules)
        self.sizes = [int(m.out_features) for m in self.modules]
        self.weight: Tensor | None = None
        self.bias: Tensor | None = None
        self.fuse()

    def fuse(self) -> None:
        """Lay plain layers out in one buffer and make their parameters views of it (again, if something moved them)."""
        plain = [m for m in self.modules if type(m) is nn.Linear]
        biased = {m.bias is not None for m in plain}
        if len(plain) < len(self.modules) or len(biased) != 1 or len({m.weight.dtype for m in plain}) != 1:
            self.weight = self.bias = None
            return
        with torch.no_grad():
            self.weight = _as_one([m.weight for m in plain], self.weight)
            self.bias = _as_one([m.bias for m in plain], self.bias) if biased == {True} else None

    def __call__(self, x: Tensor, first: int = 0, last: int | None = None) -> Tensor:
        """Return the outputs of layers [first, last), side by side: [N, in] -> [N, sum of their sizes]."""
        part = slice(first, last)
        modules = self.modules[part]
        if self.weight is None:
            return torch.cat([m(x) for m in modules], -1)
        top, size = sum(self.sizes[:first]), sum(self.sizes[part])
        weight = self.weight[top : top + size]
        bias = None if self.bias is None else self.bias[top : top + size]
        if not torch.is_grad_enabled():
            return F.linear(x, weight, bias)
        params = [m.weight for m in modules] + [m.bias for m in modules]
        return _joint_linear(x, weight, bias, *params)


def _as_one(parts: list[Tensor], current: Tensor | None) -> Tensor:
    """Return one [sum, ...] tensor that shares memory with every part (the parts are moved into it if need be)."""
    offset = 0
    for part in parts:
        if current is None or current.dtype != part.dtype or part.data_ptr() != current[offset:].data_ptr():
            break
        offset += part.shape[0]
    else:
        assert current is not None
        return current
    whole = torch.cat([p.detach() for p in parts])
    for part, piece in zip(parts, torch.split(whole, [p.shape[0] for p in parts])):
        part.data = piece
    return whole


class Layer:
    """One decoder block."""

    def __init__(self, module: nn.Module) -> None:
        attention: Any = module.self_attn
        mlp: Any = module.mlp
        self.qkv = Joint([attention.q_proj, attention.k_proj, attention.v_proj])
        self.out = attention.o_proj
        self.gate_up = Joint([mlp.gate_proj, mlp.up_proj])
        self.down = mlp.down_proj
        self.norm_in: Any = module.input_layernorm
        self.norm_mlp: Any = module.post_attention_layernorm
        self.norm_q: Any = getattr(attention, "q_norm", None)
        self.norm_k: Any = getattr(attention, "k_norm", None)

    def mlp(self, x: Tensor) -> Tensor:
        """Return x + MLP(norm(x)), [N, d]."""
        z = self.gate_up(norm(x, self.norm_mlp))
        if torch.is_grad_enabled():
            h = _swiglu(z)
        else:
            gate, up = z.chunk(2, -1)
            h = F.silu(gate).mul_(up)
        return add_linear(x, h, self.down)


def norm(x: Tensor, module: Any) -> Tensor:
    """RMSNorm over the last axis; half precision is normalised in float32, as `transformers` does."""
    if x.dtype != torch.float32:
        half: Tensor = module(x)
        return half
    if torch.is_grad_enabled():
        return _norm(x, module.weight, module.variance_epsilon)
    y: Tensor = F.rms_norm(x, (x.shape[-1],), module.weight, module.variance_epsilon)
    return y


def add_linear(x: Tensor, h: Tensor, linear: nn.Module) -> Tensor:
    """Return x + linear(h), without a temporary where the layer is plain."""
    if type(linear) is nn.Linear and linear.bias is None:
        return torch.addmm(x, h, linear.weight.t())
    y: Tensor = linear(h)
    return x + y
