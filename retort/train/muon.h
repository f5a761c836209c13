#pragma once

#include <ATen/core/Tensor.h>

namespace retort::train {

// Maps each matrix U S Vᵀ of `matrices`, float [N, A, B] with A <= B, approximately to U Vᵀ:
// singular values come close to 1, except those below a thousandth of its Frobenius norm. These are
// five steps of the quintic Newton-Schulz iteration with the constants of Jordan et al. (2024,
// "Muon: An optimizer for hidden layers in neural networks"), as torch.optim.Muon takes them. All
// five are polynomials in the Gram matrix [A, A], so that only two products have the size of B, not
// ten.
at::Tensor orthogonalised(const at::Tensor& matrices);

}  // namespace retort::train
