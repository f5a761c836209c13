#include "retort/train/batches.h"

#include <algorithm>
#include <cmath>

#include "retort/core/error.h"
#include "retort/core/random.h"
#include "retort/data/extra.h"

namespace retort::train {
namespace {

constexpr uint64_t kOrderStream = 1;
constexpr uint64_t kExtraStream = 3;

at::Tensor visible_labels(const Source& source, const at::Tensor& labels) {
  return source.labelled ? labels : at::full_like(labels, data::kUnlabelled);
}

// Concatenates the rows of all parts, in order.
losses::StepView joined(const std::vector<Batches::Batch>& parts) {
  losses::StepView all;
  for (at::Tensor losses::StepView::*field :
       {&losses::StepView::teacher_features, &losses::StepView::teacher_logits,
        &losses::StepView::labels, &losses::StepView::image_ids, &losses::StepView::partner_labels,
        &losses::StepView::label_share, &losses::StepView::logit_rows}) {
    std::vector<at::Tensor> tensors;
    for (const Batches::Batch& part : parts) tensors.push_back(part.step.*field);
    if (tensors[0].defined()) all.*field = at::cat(tensors);
  }
  return all;
}

}  // namespace

at::Tensor labels_of(const std::vector<Source>& sources) {
  std::vector<at::Tensor> labels;
  for (const Source& source : sources)
    labels.push_back(visible_labels(source, data::labels_of(*source.images)));
  return at::cat(labels);
}

int64_t batches_an_epoch(int64_t images, int64_t batch_size) {
  const int64_t wanted =
      std::llround(static_cast<double>(images) / static_cast<double>(batch_size));
  return std::clamp<int64_t>(wanted, 1, std::max<int64_t>(images / 2, 1));
}

Batches::Batches(std::vector<Source> sources, const data::ViewRecipe& recipe,
                 const data::InputSpec& spec, const teacher::JointHead* teacher,
                 const Options& options)
    : sources_(std::move(sources)),
      recipe_(recipe),
      spec_(spec),
      teacher_(teacher),
      options_(options) {
  sources_[0].each_epoch = sources_[0].images->size();
}

int64_t Batches::images() const {
  int64_t images = 0;
  for (const Source& source : sources_) images += source.each_epoch;
  return images;
}

int64_t Batches::count() const { return batches_an_epoch(images(), options_.batch_size); }

bool Batches::need_teacher() const {
  return std::ranges::any_of(sources_, [](const Source& source) {
    return source.outputs != nullptr && source.outputs->has_live();
  });
}

int64_t Batches::view_number(const Source& source, int64_t pass) const {
  const int64_t views = source.outputs != nullptr ? source.outputs->views() : options_.views;
  return views > 0 ? pass % views : pass;
}

std::vector<data::Sample> Batches::whole_set(int64_t epoch) const {
  std::vector<data::Sample> samples;
  for (const int64_t position :
       permutation(sources_[0].each_epoch,
                   CounterRng({options_.seed, kOrderStream, static_cast<uint64_t>(epoch)})))
    samples.push_back({position, view_number(sources_[0], epoch)});
  return samples;
}

// The source is passed over again and again, each time in another order and with another view. An
// epoch takes the next `each_epoch` samples of this sequence.
std::vector<data::Sample> Batches::drawn(size_t source, int64_t epoch) const {
  const int64_t size = sources_[source].images->size();
  std::vector<data::Sample> samples;
  int64_t next = epoch * sources_[source].each_epoch;
  const int64_t end = next + sources_[source].each_epoch;
  while (next < end) {
    const int64_t pass = next / size;
    const std::vector<int64_t> order =
        permutation(size, CounterRng({options_.seed, kExtraStream, static_cast<uint64_t>(source),
                                      static_cast<uint64_t>(pass)}));
    for (; next < end && next / size == pass; ++next)
      samples.push_back(
          {order[static_cast<size_t>(next % size)], view_number(sources_[source], pass)});
  }
  return samples;
}

void Batches::start_epoch(int64_t epoch) {
  epoch_ = {whole_set(epoch)};
  for (size_t source = 1; source < sources_.size(); ++source)
    epoch_.push_back(drawn(source, epoch));
}

Batches::Batch Batches::batch(int64_t number, const Ranks& ranks) const {
  std::vector<Batch> parts;
  int64_t before = 0, own = 0, total = 0;
  for (size_t source = 0; source < sources_.size(); ++source) {
    const auto size = static_cast<int64_t>(epoch_[source].size());
    const int64_t first = size * number / count();
    const int64_t last = size * (number + 1) / count();
    const Share share = share_of(last - first, ranks);
    total += last - first;
    before += share.first;  // rows of all sources on lower ranks
    own += share.last - share.first;
    if (share.first < share.last)
      parts.push_back(part(source, std::span(epoch_[source])
                                       .subspan(static_cast<size_t>(first + share.first),
                                                static_cast<size_t>(share.last - share.first))));
  }
  if (parts.empty())
    throw UsageError("a batch of " + std::to_string(total) + " images is too small for " +
                         std::to_string(ranks.size()) + " processes",
                     "", "give more with --batch-size, or start fewer processes");
  std::vector<at::Tensor> images;
  for (const Batch& each : parts) images.push_back(each.images);
  Batch batch =
      parts.size() == 1 ? std::move(parts[0]) : Batch{at::cat(images), joined(parts), {}, 0};
  batch.share = {before, before + own};
  batch.total = total;
  return batch;
}

Batches::Batch Batches::part(size_t source, std::span<const data::Sample> samples) const {
  const Source& from = sources_[source];
  Batch batch{
      data::render_batch(*from.images, samples, recipe_, options_.view_seed, spec_), {}, {}, 0};
  losses::StepView& step = batch.step;
  const auto size = static_cast<int64_t>(samples.size());
  step.labels = visible_labels(from, data::labels_of(*from.images, samples));
  if (recipe_.mix.any()) {
    const data::MixedLabels mixed =
        data::mixed_labels(*from.images, samples, recipe_, options_.view_seed);
    step.partner_labels = visible_labels(from, mixed.partner);
    step.label_share = mixed.share;
  }
  int64_t offset = 0;
  for (size_t before = 0; before < source; ++before) offset += sources_[before].images->size();
  step.image_ids = at::empty({size}, at::kLong);
  for (int64_t i = 0; i < size; ++i)
    step.image_ids.data_ptr<int64_t>()[i] = offset + samples[static_cast<size_t>(i)].position;
  if (from.outputs != nullptr) {
    step.teacher_features = from.outputs->features(samples);
    step.teacher_logits = teacher_->logits(step.teacher_features);
  }
  if (sources_.size() > 1) step.logit_rows = at::full({size}, from.logits, at::kBool);
  return batch;
}

}  // namespace retort::train
