#pragma once

#include <string>

#include "python/extension/network.h"
#include "retort/losses/loss.h"

namespace retort::python {

// Registers a Python function of a StepView as a loss of this name, unless there is one. `make` is
// called for each run, and returns the function and, for a torch.nn.Module, its parameters and
// buffers.
void register_loss(const std::string& name, losses::Kind kind, Held make);

// Adds the class retort._retort.StepView.
void add_step_view(py::module_& module);

}  // namespace retort::python
