#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "retort/core/file.h"
#include "retort/weights/pickle.h"

namespace retort::weights {

// A .pth as torch.save writes it since 1.6: a zip archive of `data.pkl` and a record `data/<key>`
// for each storage. Throws Error, naming `where`, on a damaged archive, a TorchScript program,
// big-endian data, or records that claim more bytes than the file has.
PickledFile open_zip_pth(const std::shared_ptr<const MappedFile>& file, const std::string& where);

// The object of a TorchScript program; its code is not looked at.
PickledFile open_torchscript(const std::shared_ptr<const MappedFile>& file,
                             const std::string& where);

// Whether the file is such an archive, whole, and holds a TorchScript program.
bool holds_torchscript(const std::filesystem::path& path);

}  // namespace retort::weights
