#include <torch/csrc/distributed/c10d/GroupRegistry.hpp>

#include "retort/core/error.h"
#include "retort/core/ranks.h"

namespace retort {
namespace {

// Runs `body`, and turns c10d's exceptions into an Error.
template <typename Body>
auto or_lost(const Body& body) {
  try {
    return body();
  } catch (const std::exception& lost) {
    throw Error(std::string("another process of the training is lost: ") + lost.what(), "",
                "start them again (torchrun does): --resume goes on from the checkpoint");
  }
}

class GroupRanks : public Ranks {
 public:
  explicit GroupRanks(c10::intrusive_ptr<c10d::ProcessGroup> group) : group_(std::move(group)) {}

  int64_t rank() const override { return group_->getRank(); }
  int64_t size() const override { return group_->getSize(); }

  Wait begin_sum(at::Tensor& values) override {
    std::vector<at::Tensor> tensors{values};
    return or_lost([&]() -> Wait {
      return [work = group_->allreduce(tensors)] { or_lost([&] { work->wait(); }); };
    });
  }

 private:
  c10::intrusive_ptr<c10d::ProcessGroup> group_;
};

}  // namespace

std::unique_ptr<Ranks> ranks_of_group(const std::string& name) {
  if (!c10d::is_process_group_registered(name))
    throw Error("there is no process group '" + name + "'", "",
                "start the processes with torchrun: torchrun --nproc-per-node 2 -m retort …");
  return std::make_unique<GroupRanks>(c10d::resolve_process_group(name));
}

}  // namespace retort
