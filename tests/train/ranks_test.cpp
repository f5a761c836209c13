// Several processes train one student. They are forks of this process, and sum their tensors in
// shared memory.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <torch/utils.h>
#include <unistd.h>

#include <cstring>

#include "retort/core/error.h"
#include "retort/core/ranks.h"
#include "retort/data/manifest.h"
#include "retort/models/registry.h"
#include "retort/train/optimizer.h"
#include "retort/train/trainer.h"
#include "tests/support/formula.h"
#include "tests/support/message.h"
#include "tests/train/small_training.h"

namespace retort::train {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#elif defined(__has_feature)
constexpr bool kThreadSanitizer = __has_feature(thread_sanitizer);
#else
constexpr bool kThreadSanitizer = false;
#endif

constexpr int64_t kMostRanks = 4;
constexpr size_t kSlot = size_t{64} << 20;
constexpr size_t kResults = 4096;

struct Shared {
  pthread_barrier_t barrier;
  double results[kResults];
  std::byte slots[kMostRanks][kSlot];
};

class ForkedRanks : public Ranks {
 public:
  ForkedRanks(Shared& shared, int64_t rank, int64_t size)
      : shared_(shared), rank_(rank), size_(size) {}
  int64_t rank() const override { return rank_; }
  int64_t size() const override { return size_; }
  Wait begin_sum(at::Tensor& values) override {
    const at::Tensor own = values.contiguous();
    if (own.nbytes() > kSlot) throw Error("a message is too large for the test");
    std::memcpy(shared_.slots[rank_], own.const_data_ptr(), own.nbytes());
    pthread_barrier_wait(&shared_.barrier);
    at::Tensor sum = at::zeros_like(own);
    for (int64_t i = 0; i < size_; ++i)
      sum.add_(at::from_blob(shared_.slots[i], own.sizes(), own.options()));
    values.copy_(sum);
    pthread_barrier_wait(&shared_.barrier);
    return [] {};
  }

 private:
  Shared& shared_;
  int64_t rank_, size_;
};

// The result of work(ranks) on rank 0 of this many ranks.
template <typename Work>
std::vector<double> on_ranks(int64_t size, const Work& work) {
  auto* shared = static_cast<Shared*>(::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                                             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  pthread_barrierattr_t attributes;
  pthread_barrierattr_init(&attributes);
  pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_barrier_init(&shared->barrier, &attributes, static_cast<unsigned>(size));
  std::vector<pid_t> children;
  for (int64_t rank = 0; rank < size; ++rank) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(300);  // a rank whose partner is lost waits for ever
      ForkedRanks ranks(*shared, rank, size);
      try {
        const std::vector<double> results = work(ranks);
        if (rank == 0) {
          shared->results[0] = static_cast<double>(results.size());
          std::copy(results.begin(), results.end(), shared->results + 1);
        }
      } catch (const std::exception& error) {
        std::fprintf(stderr, "rank %d: %s\n", static_cast<int>(rank), error.what());
        ::_exit(1);
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  bool good = true;
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  EXPECT_TRUE(good) << "a rank failed";
  const auto count = static_cast<size_t>(shared->results[0]);
  std::vector<double> results(shared->results + 1, shared->results + 1 + count);
  ::munmap(shared, sizeof(Shared));
  return good ? results : std::vector<double>{};
}

class RanksTest : public SmallTraining {
 protected:
  void SetUp() override {
    if (kThreadSanitizer) GTEST_SKIP() << "the thread sanitizer does not follow forks";
    at::set_num_threads(1);  // OpenMP's threads do not exist in a fork
    SmallTraining::SetUp();
  }

  // Trains with these terms on this rank.
  void train(const std::vector<losses::TermConfig>& terms, const std::string& student,
             int64_t epochs, Ranks& ranks, bool resume,
             const std::function<void(const EpochMetrics&)>& on_epoch,
             const StopFlag& stop = never_stop()) {
    torch::manual_seed(3);
    models::ModelPtr model = models::make_model({student, 3});
    const TrainData data{&*train_, &*val_, {}, spec_, &teacher_, &*outputs_, {}, manifest_.classes};
    losses::Objective objective(terms, {model->feature_dim(),
                                        512,
                                        3,
                                        train_->size(),
                                        labels_of(data),
                                        teacher_.weight,
                                        teacher_.bias,
                                        {}});
    TrainOptions own = options(epochs);
    own.ema_decay = 0.9;
    Trainer trainer(*model, objective, data, own, ranks);
    trainer.run(folder_ / "checkpoint.safetensors", resume, on_epoch, null_log(), stop);
  }

  // The training's loss in each epoch, and its last validation accuracy.
  std::vector<double> losses_of(const std::vector<losses::TermConfig>& terms,
                                const std::string& student, int64_t epochs, Ranks& ranks,
                                bool resume = false) {
    std::vector<double> found;
    double accuracy = 0;
    train(terms, student, epochs, ranks, resume, [&](const EpochMetrics& line) {
      found.push_back(line.train_loss);
      accuracy = line.val_accuracy.value();
    });
    found.push_back(accuracy);
    return found;
  }
};

TEST_F(RanksTest, RowsComeInTheOrderOfTheRanksWithTheirGradients) {
  const auto seen = on_ranks(3, [](Ranks& ranks) {
    const Share share = share_of(7, ranks);
    const at::Tensor floats = at::arange(14, at::kFloat).view({7, 2}),
                     flags = at::tensor({1, 0, 0, 1, 1, 0, 1}).to(at::kBool),
                     numbers = at::arange(7, at::kLong) - 3;
    const at::Tensor own = floats.slice(0, share.first, share.last).clone().requires_grad_();
    std::vector<at::Tensor> rows{flags.slice(0, share.first, share.last),
                                 {},
                                 own,
                                 numbers.slice(0, share.first, share.last)};
    gather_rows(rows, share, 7, ranks);
    (rows[2] * floats).sum().backward();
    const bool good = at::equal(rows[0], flags) && !rows[1].defined() &&
                      at::equal(rows[2].detach(), floats) && at::equal(rows[3], numbers) &&
                      at::equal(own.grad(), floats.slice(0, share.first, share.last));
    at::Tensor right = at::tensor({good ? 1.0F : 0.0F});
    ranks.sum(right);
    return std::vector<double>{right.item<double>()};
  });
  EXPECT_EQ(seen, (std::vector<double>{3}));
}

TEST_F(RanksTest, ManyTensorsAreSummedTogetherAndRankZeroTellsTheOthers) {
  const auto seen = on_ranks(2, [](Ranks& ranks) {
    std::vector<at::Tensor> tensors{at::full({2, 2}, 1.0F + static_cast<float>(ranks.rank())),
                                    at::full({}, 5.0F)};
    sum_all(tensors, ranks);
    at::Tensor told = at::full({1}, ranks.leads() ? 7 : 9, at::kLong);
    broadcast(told, ranks);
    meet(ranks);
    at::Tensor all = at::cat({tensors[0].view(-1), tensors[1].view(1), told.to(at::kFloat)});
    ranks.sum(all);
    return std::vector<double>{all[0].item<double>(), all[4].item<double>(), all[5].item<double>()};
  });
  EXPECT_EQ(seen, (std::vector<double>{6, 20, 14}));
}

// Each rank finds the directions of some matrices. A stack may be one rank's alone, and a matrix
// may have no gradient.
TEST_F(RanksTest, MuonsStepsAreThoseOfOneRank) {
  const auto steps = [](Ranks& ranks) {
    NamedTensors parameters;
    for (const auto& [name, shape] : std::vector<std::pair<std::string, std::vector<int64_t>>>{
             {"student.wide.weight", {6, 4, 3, 3}},
             {"student.tall.weight", {9, 5}},
             {"student.tall2.weight", {9, 5}},
             {"student.idle.weight", {9, 5}},
             {"student.flat.weight", {5, 9}},
             {"student.bias", {7}}})
      parameters.emplace_back(name, testing::formula_parameter(name, shape).requires_grad_());
    Optimizer optimizer(parameters, {.weight_decay = 0.1, .muon = true}, ranks);
    for (int step = 0; step < 3; ++step) {
      for (auto& [name, parameter] : parameters)
        if (name != "student.idle.weight")
          parameter.mutable_grad() = testing::formula_uniform(
              name + " gradient " + std::to_string(step), parameter.sizes());
      optimizer.step(0.01);
    }
    std::vector<double> values;
    for (const auto& [name, parameter] : parameters) {
      const at::Tensor flat = parameter.detach().reshape(-1).to(at::kDouble).contiguous();
      values.insert(values.end(), flat.const_data_ptr<double>(),
                    flat.const_data_ptr<double>() + flat.numel());
    }
    return values;
  };
  const std::vector<double> one = on_ranks(1, steps);
  EXPECT_EQ(one.size(), 6U * 36 + 4 * 45 + 7);
  for (const int64_t size : {2, 3, 4}) {
    const std::vector<double> several = on_ranks(size, steps);
    ASSERT_EQ(several.size(), one.size());
    for (size_t i = 0; i < one.size(); ++i)
      EXPECT_NEAR(several[i], one[i], 1e-6) << size << " ranks";
  }
}

// A student without batch norm computes each image independently of the others. Each loss sees the
// whole batch.
TEST_F(RanksTest, EachLossIsTheSameOnOneTwoAndFourRanks) {
  for (const losses::LossEntry& loss : losses::losses()) {
    const std::vector<losses::TermConfig> terms{{loss.name, 1, {}}};
    const auto train = [&](Ranks& ranks) { return losses_of(terms, "deit_tiny", 1, ranks); };
    const std::vector<double> alone = on_ranks(1, train);
    ASSERT_EQ(alone.size(), 2U) << loss.name;
    // dist correlates about four logits of nearly equal size, which amplifies rounding.
    const double tolerance = loss.name == "dist" ? 5e-4 : 1e-4;
    for (const int64_t size : {2, 4}) {
      const std::vector<double> several = on_ranks(size, train);
      ASSERT_EQ(several.size(), alone.size()) << loss.name;
      EXPECT_NEAR(several[0], alone[0], tolerance * std::max(1.0, std::abs(alone[0])))
          << loss.name << ", " << size << " ranks";
    }
  }
}

TEST_F(RanksTest, FiftyStepsOfTheWholeObjective) {
  const auto train = [&](Ranks& ranks) {
    return losses_of({{"cross_entropy", 1, {}}, {"align_uniform", 0.8, {}}, {"kd", 1, {}}},
                     "deit_tiny", 17, ranks);
  };
  const std::vector<double> alone = on_ranks(1, train), several = on_ranks(2, train);
  ASSERT_EQ(alone.size(), 18U);
  ASSERT_EQ(several.size(), 18U);
  for (size_t i = 0; i < 17; ++i) EXPECT_NEAR(several[i], alone[i], 1e-4) << "epoch " << i;
  EXPECT_LT(alone[16], 0.5 * alone[0]);
}

// With batch norm each rank normalises its own images, so that the sums differ; it still trains.
TEST_F(RanksTest, BatchNormsTakeEachRanksOwnStatistics) {
  const auto train = [&](Ranks& ranks) {
    return losses_of({{"cross_entropy", 1, {}}}, "resnet18", 10, ranks);
  };
  const std::vector<double> several = on_ranks(2, train);
  ASSERT_EQ(several.size(), 11U);
  EXPECT_LT(several[9], 0.5 * several[0]);
  EXPECT_GE(several[10], 70);  // percent, of three classes
}

TEST_F(RanksTest, ACheckpointOfOneNumberOfRanksServesAnother) {
  const std::vector<losses::TermConfig> terms{{"cross_entropy", 1, {}}, {"align_uniform", 1, {}}};
  const auto whole =
      on_ranks(1, [&](Ranks& ranks) { return losses_of(terms, "deit_tiny", 4, ranks); });
  std::filesystem::remove(folder_ / "checkpoint.safetensors");
  // Stopped on one of two ranks: both end at the same step.
  on_ranks(2, [&](Ranks& ranks) {
    StopFlag stop = false;
    bool stopped = false;
    const auto stop_after_two = [&](const EpochMetrics& line) {
      if (line.epoch == 2 && ranks.rank() == 1) stop = true;
    };
    try {
      train(terms, "deit_tiny", 4, ranks, /*resume=*/false, stop_after_two, stop);
    } catch (const Interrupted&) {
      stopped = true;
    }
    if (!stopped) throw Error("was not stopped");
    return std::vector<double>{1};
  });
  ASSERT_TRUE(std::filesystem::exists(folder_ / "checkpoint.safetensors"));
  const auto resumed =
      on_ranks(4, [&](Ranks& ranks) { return losses_of(terms, "deit_tiny", 4, ranks, true); });
  ASSERT_EQ(resumed.size(), whole.size());
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(resumed[i], whole[i], 1e-4) << "epoch " << i;
}

TEST_F(RanksTest, MoreRanksThanABatchHasImagesIsAnError) {
  const auto says = on_ranks(1, [&](Ranks&) {
    struct Many : Ranks {
      int64_t rank() const override { return 0; }
      int64_t size() const override { return 64; }
      Wait begin_sum(at::Tensor& /*values*/) override {
        return [] {};
      }
    } many;
    const std::string message = testing::error_of([&] {
      losses_of({{"cross_entropy", 1, {}}}, "deit_tiny", 1, many);
    });
    return std::vector<double>{testing::says(message, "too small for 64 processes") ? 1.0 : 0.0};
  });
  EXPECT_EQ(says, (std::vector<double>{1}));
}

}  // namespace
}  // namespace retort::train
