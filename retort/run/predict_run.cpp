#include "retort/run/predict_run.h"

#include <algorithm>

#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/data/entries.h"
#include "retort/data/input_spec.h"
#include "retort/data/manifest.h"
#include "retort/data/record.h"
#include "retort/data/scan.h"
#include "retort/data/view.h"
#include "retort/run/run_folder.h"

namespace retort::run {
namespace fs = std::filesystem;

void predict_each(const fs::path& run, const std::vector<std::string>& files, int64_t top,
                  const std::function<void(const FilePrediction&)>& show) {
  const at::NoGradGuard no_grad;
  const Student student = load_student(RunFolder{run}.student());
  const data::InputSpec& spec = student.spec;
  top = std::min<int64_t>(top, static_cast<int64_t>(student.classes.size()));
  for (const std::string& file : files) {
    FilePrediction prediction;
    prediction.path = file;
    try {
      data::Image image = data::render_eval(data::read_image(file), spec);
      const at::Tensor pixels =
          at::from_blob(image.rgb.data(), {1, spec.size, spec.size, 3}, at::kByte);
      const auto [probability, index] =
          student.model->forward(data::normalize(pixels, spec)).logits.softmax(1)[0].topk(top);
      for (int64_t k = 0; k < top; ++k)
        prediction.top.emplace_back(student.classes[static_cast<size_t>(index[k].item<int64_t>())],
                                    probability[k].item<double>());
    } catch (const Error& error) {
      prediction.error = printable_message(error.what());
    }
    show(prediction);
  }
}

std::vector<FilePrediction> predict_files(const fs::path& run,
                                          const std::vector<std::string>& files, int64_t top) {
  std::vector<FilePrediction> predictions;
  predict_each(run, files, top,
               [&](const FilePrediction& prediction) { predictions.push_back(prediction); });
  return predictions;
}

std::vector<std::string> pictures_of(const std::vector<std::string>& paths, Log& log) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
      files.push_back(path);
      continue;
    }
    data::Manifest found{path, {}, {}};
    data::Pictures pictures = data::pictures_below(path);
    if (pictures.images.empty() && pictures.unread.empty())
      throw Error("holds no pictures", printable(path),
                  "name pictures, or a folder with pictures in it");
    for (const std::string& image : pictures.images)
      files.push_back((fs::path(path) / image).string());
    found.unread = std::move(pictures.unread);
    if (!pictures.passed.empty()) found.notes.push_back(data::note_of(pictures.passed));
    data::tell_of(found, log);
  }
  return files;
}

}  // namespace retort::run
