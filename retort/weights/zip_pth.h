#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "retort/core/file.h"
#include "retort/weights/pickle.h"

namespace retort::weights {

// Opens a .pth as torch.save writes it since 1.6: a zip archive of `data.pkl` and a record
// `data/<key>` for each storage. Throws Error, naming `where`, on a damaged archive, a TorchScript
// program, big-endian data, or records that claim more bytes than the file has.
PickledFile open_zip_pth(const std::shared_ptr<const MappedFile>& file, const std::string& where);

// Opens the object of a TorchScript program; its code is not read. Throws Error, naming `where`, on
// a damaged archive and on one without data.pkl.
PickledFile open_torchscript(const std::shared_ptr<const MappedFile>& file,
                             const std::string& where);

// Whether the file is an undamaged zip archive with a TorchScript program.
bool holds_torchscript(const std::filesystem::path& path);

}  // namespace retort::weights
