#include "retort/train/muon.h"

#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/linalg_vector_norm.h>

namespace retort::train {

at::Tensor orthogonalised(const at::Tensor& matrices) {
  constexpr int kSteps = 5;
  constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315, kSmallest = 1e-7;
  const at::Tensor x =
      matrices / at::linalg_vector_norm(matrices, 2, at::IntArrayRef{1, 2}, /*keepdim=*/true)
                     .clamp_min(kSmallest);
  // A step turns X into P X, where G = X X^T and P = a + b G + c G². As P and G commute, it turns G
  // into P G P: the steps are taken on G, which is small, and X is multiplied once, at the end.
  at::Tensor gram = at::bmm(x, x.transpose(1, 2)), product;
  for (int step = 0; step < kSteps; ++step) {
    at::Tensor polynomial = at::baddbmm(gram, gram, gram, /*beta=*/kB, /*alpha=*/kC);
    polynomial.diagonal(0, 1, 2).add_(kA);
    product = step == 0 ? polynomial : at::bmm(polynomial, product);
    if (step + 1 < kSteps) gram = at::bmm(at::bmm(polynomial, gram), polynomial);
  }
  return at::bmm(product, x);
}

}  // namespace retort::train
