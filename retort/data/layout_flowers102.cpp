#include <cstdio>
#include <map>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/data/csv.h"
#include "retort/data/entries.h"
#include "retort/data/layouts.h"
#include "retort/data/listing.h"

// Flowers-102 (Nilsback & Zisserman 2008): jpg/image_00001.jpg …. Its labels and splits are
// published as MATLAB files; here they are CSV files `image,label` and `image,split`, where image
// is the number in the file's name.
namespace retort::data::flowers102 {
namespace fs = std::filesystem;
namespace {

constexpr const char* kMend =
    "write imagelabels.csv (image,label) and setid.csv (image,split) from the .mat files; "
    "docs/data.md shows how";

bool recognise(const fs::path& folder) {
  if (!has_folder(folder, "jpg")) return false;
  for (const char* name : {"imagelabels.csv", "setid.csv", "imagelabels.mat", "setid.mat"}) {
    if (has_file(folder, name)) return true;
  }
  return false;
}

// The second column by image number.
std::map<int64_t, Line> column_of(const fs::path& folder, const std::string& name,
                                  const std::string& column) {
  if (!has_file(folder, name)) throw Error("the file is missing", (folder / name).string(), kMend);
  const std::string file = (folder / name).string();
  const std::vector<CsvRow> rows = parse_csv(read_file(file), file);
  if (rows.empty() || rows[0].fields != std::vector<std::string>{"image", column})
    throw Error("the header is not `image," + column + "`", file + ":1", kMend);
  std::map<int64_t, Line> values;
  for (size_t i = 1; i < rows.size(); ++i) {
    const std::string where = file + ":" + std::to_string(rows[i].line);
    if (rows[i].fields.size() != 2 || rows[i].fields[1].empty())
      throw Error("is not an image's number and its " + column, where);
    const auto [first, fresh] =
        values.emplace(number_in(rows[i].fields[0], where), Line{rows[i].fields[1], where});
    if (!fresh)
      throw Error("the image " + rows[i].fields[0] + " was there before, at " + first->second.where,
                  where);
  }
  return values;
}

std::string file_name(int64_t number) {
  char name[40];
  std::snprintf(name, sizeof name, "image_%05lld.jpg", static_cast<long long>(number));
  return name;
}

Manifest read(const fs::path& folder, const ManifestOptions& options) {
  const std::map<int64_t, Line> labels = column_of(folder, "imagelabels.csv", "label"),
                                splits = column_of(folder, "setid.csv", "split");
  Entries entries;
  for (const auto& [number, line] : splits) {
    const std::optional<Split> split = split_from(line.text);
    if (!split)
      throw Error("'" + line.text + "' is not a split", line.where, "use train, val or test");
    const auto label = labels.find(number);
    if (label == labels.end())
      throw Error("the image " + std::to_string(number) + " has no label in imagelabels.csv",
                  line.where);
    entries.push_back({listed_file(folder, "jpg", file_name(number), line.where),
                       label->second.text, split, place_of(line.where)});
  }
  return assemble(folder, std::move(entries), options, folder.string());
}

}  // namespace

RETORT_REGISTER_LAYOUT({.name = "Flowers-102", .recognise = recognise, .read = read});

}  // namespace retort::data::flowers102
