#include "retort/generate/image_set.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/data/class_list.h"
#include "retort/generate/command_engine.h"

namespace retort::generate {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

constexpr int64_t kMostPerClass = 100'000;
constexpr uint64_t kMaxSettingsBytes = uint64_t{1} << 26;
constexpr const char* kOther =
    "go on with the settings that it was made with, or choose another --out";

fs::path settings_file(const fs::path& out) { return out / "settings.json"; }

std::map<std::string, std::string> as_map(const Settings& settings) {
  return {settings.begin(), settings.end()};
}

// The content of settings.json.
struct Record {
  std::map<std::string, std::string> settings;
  std::map<std::string, std::vector<std::string>> prompts;
  int64_t per_class = 0;
};

Record read_record(const fs::path& file) {
  try {
    const json read = json::parse(read_file(file, kMaxSettingsBytes));
    Record record{read.at("settings"), read.at("prompts"), read.at("per_class")};
    const bool bad = std::ranges::any_of(record.prompts, [](const auto& one) {
      return one.second.empty() || !data::is_label(one.first);
    });
    if (bad || record.per_class < 1 || record.per_class > kMostPerClass)
      throw Error("has values out of range", file.string(), kOther);
    return record;
  } catch (const json::exception& error) {
    throw Error(std::string("cannot be read: ") + error.what(), file.string(), kOther);
  }
}

// The settings of a folder without images, such as one whose model did not load, may be changed.
bool has_images(const fs::path& out, const Record& record) {
  return std::ranges::any_of(record.prompts, [&](const auto& one) {
    std::error_code error;
    return !fs::is_empty(out / one.first, error) && !error;
  });
}

void check_same(const std::map<std::string, std::string>& before,
                const std::map<std::string, std::string>& now, const fs::path& out) {
  const auto value_in = [](const auto& settings, const std::string& name) {
    const auto found = settings.find(name);
    return found == settings.end() ? "not set" : quote_name(found->second);
  };
  std::map<std::string, std::string> all = before;
  all.insert(now.begin(), now.end());
  std::string differing;
  for (const auto& [name, value] : all) {
    const std::string was = value_in(before, name), is = value_in(now, name);
    if (was != is)
      differing += (differing.empty() ? "" : "; ") + name + " was " + was + " and is " + is;
  }
  if (!differing.empty())
    throw Error("holds images made with other settings: " + differing, out.string(), kOther);
}

}  // namespace

ImageSet::ImageSet(SetPlan plan)
    : plan_(std::move(plan)), settings_(plan_.engine), most_(plan_.per_class) {
  if (plan_.out.empty()) throw UsageError("is needed", "--out", "name a folder for the images");
  if (plan_.per_class < 1 || plan_.per_class > kMostPerClass)
    throw UsageError("is not in [1, " + std::to_string(kMostPerClass) + "]", "--per-class");
  claim();
  sweep();
  reconcile();
  write_manifest();
}

void ImageSet::claim() {
  std::error_code error;
  const bool is_set = fs::exists(settings_file(plan_.out), error);
  if (!is_set && fs::exists(plan_.out, error)) {
    remove_abandoned(plan_.out, /*below=*/false);  // left by a run that was killed at its start
    for (fs::directory_iterator it(plan_.out, error); !error && it != fs::directory_iterator();
         it.increment(error)) {
      if (!it->path().filename().string().starts_with('.'))
        throw Error("holds other files, such as " + quote_name(it->path().filename().string()),
                    plan_.out.string(), "choose a new folder for --out");
    }
  }
  lock_.emplace(plan_.out);
}

// Removes what a killed run left: temporary files of AtomicFile, and images of the user's program.
void ImageSet::sweep() const {
  std::error_code error;
  std::vector<fs::path> left;
  for (fs::recursive_directory_iterator it(plan_.out, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (it->path().extension().string().starts_with(".tmp") ||
        it->path().filename().string().starts_with(kScratchStart))
      left.push_back(it->path());
  }
  for (const fs::path& file : left) fs::remove(file, error);
}

void ImageSet::reconcile() {
  std::map<std::string, std::string> now = as_map(plan_.engine);
  now["negative_prompt"] = plan_.negative_prompt;
  now["seed"] = std::to_string(plan_.seed);
  now["format"] = plan_.format == Format::png ? "png" : "jpeg";
  Record record;
  std::error_code ignored;
  if (fs::exists(settings_file(plan_.out), ignored)) record = read_record(settings_file(plan_.out));
  if (has_images(plan_.out, record)) {
    check_same(record.settings, now, plan_.out);
  } else {
    record = {};
  }
  for (const ClassPrompts& one : plan_.classes) {
    const auto [before, fresh] = record.prompts.emplace(one.label, one.prompts);
    if (!fresh && before->second != one.prompts)
      throw Error("holds images of the class " + quote_name(one.label) + " made with other prompts",
                  plan_.out.string(), kOther);
  }
  most_ = std::max(plan_.per_class, record.per_class);
  for (const auto& [label, prompts] : record.prompts) known_.push_back({label, "", prompts});
  const json written = {{"settings", now}, {"prompts", record.prompts}, {"per_class", most_}};
  write_file_atomic(settings_file(plan_.out), written.dump(2) + "\n");
}

std::vector<Picture> ImageSet::missing() const {
  std::vector<Picture> pictures;
  for (int64_t number = 0; number < plan_.per_class; ++number) {
    for (const ClassPrompts& one : plan_.classes) {
      Picture made = picture(one, number, plan_.seed, plan_.format);
      std::error_code ignored;
      if (!fs::exists(plan_.out / made.path, ignored)) pictures.push_back(std::move(made));
    }
  }
  return pictures;
}

void ImageSet::add(const Picture& picture, data::ImageView image) {
  write_file_atomic(
      plan_.out / picture.path,
      encode(image, plan_.format, parameters(picture, plan_.negative_prompt, settings_)));
  const std::string row = manifest_row(picture, plan_.negative_prompt, settings_);
  const int file = ::open(manifest().c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  const off_t before = file < 0 ? -1 : ::lseek(file, 0, SEEK_END);
  const bool whole =
      before >= 0 && ::write(file, row.data(), row.size()) == static_cast<ssize_t>(row.size());
  const int reason = errno;
  if (!whole && before >= 0)
    static_cast<void>(::ftruncate(file, before));  // a partial row would make the file unreadable
  if (file >= 0) ::close(file);
  if (!whole)
    throw Error(std::string("cannot be written: ") + std::strerror(reason), manifest().string(),
                "check the free space on its disk");
}

void ImageSet::write_manifest() const {
  std::string text = manifest_header(settings_);
  for (const ClassPrompts& one : known_) {
    for (int64_t number = 0; number < most_; ++number) {
      const Picture made = picture(one, number, plan_.seed, plan_.format);
      std::error_code ignored;
      if (fs::exists(plan_.out / made.path, ignored))
        text += manifest_row(made, plan_.negative_prompt, settings_);
    }
  }
  write_file_atomic(manifest(), text);
}

}  // namespace retort::generate
