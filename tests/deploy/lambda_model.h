#pragma once

#include <functional>
#include <string>
#include <utility>

#include "retort/models/image_model.h"

namespace retort::deploy {

// An ImageModel whose features are any function of the images; `setup` registers the parameters and
// buffers that it reads.
class LambdaModel : public models::ImageModel {
 public:
  using Features = std::function<at::Tensor(LambdaModel& model, const at::Tensor& images)>;

  LambdaModel(int64_t features, int64_t classes, Features compute) : compute_(std::move(compute)) {
    spec_ = {"lambda", classes, nlohmann::json::object()};
    fc = register_module("fc", torch::nn::Linear(features, classes));
  }
  at::Tensor forward_features(const at::Tensor& images) override { return compute_(*this, images); }
  at::Tensor classify(const at::Tensor& features) override { return fc(features); }
  data::InputSpec own_input_spec() const override { return data::InputSpec{.size = 32}; }
  int64_t feature_dim() const override { return fc->options.in_features(); }
  torch::nn::Linear head() override { return fc; }
  void reset_head(int64_t classes) override {
    fc = replace_module("fc", torch::nn::Linear(feature_dim(), classes));
  }

  torch::nn::Linear fc = nullptr;

 private:
  Features compute_;
};

inline std::shared_ptr<LambdaModel> lambda_model(int64_t features, LambdaModel::Features compute,
                                                 int64_t classes = 4) {
  return std::make_shared<LambdaModel>(features, classes, std::move(compute));
}

// The means of the channels, as features of models whose features do not matter.
inline at::Tensor channel_means(const at::Tensor& images) {
  return images.mean(at::IntArrayRef{2, 3});
}

inline std::vector<std::string> class_names(int64_t count) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < count; ++i) names.push_back("class " + std::to_string(i));
  return names;
}

}  // namespace retort::deploy
