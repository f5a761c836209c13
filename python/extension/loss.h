#pragma once

#include <string>

#include "python/extension/network.h"
#include "retort/losses/loss.h"

namespace retort::python {

// Makes a Python function of a StepView a loss of this name, unless it is one. `make`, called for
// each run, gives the function, and the parameters and buffers of one that is a torch.nn.Module.
void register_loss(const std::string& name, losses::Kind kind, Held make);

// The class retort._retort.StepView.
void add_step_view(py::module_& module);

}  // namespace retort::python
