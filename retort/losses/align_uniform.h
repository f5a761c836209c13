#pragma once

#include <torch/types.h>

namespace retort::losses {

// Alignment and Uniformity (Wang & Isola 2020, arXiv 2005.10242, equations 3 and 4), as Farhat &
// Chen (2024) use them between student and teacher.

// mean over i of ‖sᵢ − tᵢ‖₂^α for unit rows s, t [N, D]; their α is 2. α must be at least 1: below
// that the gradient is unbounded where sᵢ = tᵢ.
at::Tensor alignment(const at::Tensor& s, const at::Tensor& t, double alpha = 2);

// log of the mean over pairs i < j of exp(−t‖zᵢ − zⱼ‖²) for unit rows z [N, D], from the Gram
// matrix; their t is 2. Throws Error when N is below 2.
at::Tensor uniformity(const at::Tensor& z, double t = 2);

}  // namespace retort::losses
