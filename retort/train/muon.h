#pragma once

#include <ATen/core/Tensor.h>

namespace retort::train {

// Each matrix U S V^T of `matrices`, float [N, A, B] with A <= B, nearly made U V^T: its singular
// values come to lie around 1, but for those below a thousandth of its Frobenius norm. Five steps
// of the quintic Newton-Schulz iteration with the constants of Jordan et al. (2024, "Muon: An
// optimizer for hidden layers in neural networks"), as torch.optim.Muon takes them. All five are
// polynomials in the Gram matrix [A, A], so that B counts twice and not ten times.
at::Tensor orthogonalised(const at::Tensor& matrices);

}  // namespace retort::train
