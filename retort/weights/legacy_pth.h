#pragma once

#include <memory>
#include <span>
#include <string>

#include "retort/core/file.h"
#include "retort/weights/pickle.h"

namespace retort::weights {

// Whether the bytes begin as files do that torch.save wrote before 1.6.
bool is_legacy_pth(std::span<const std::byte> bytes);

// Opens a .pth as torch.save wrote it before 1.6: the pickles of a magic number, the protocol 1001,
// the writer's system, the object and the storage keys, and then for each key an int64 number of
// elements and the elements. Throws Error, naming `where`, on anything else, on big-endian numbers
// and on a truncated file.
PickledFile open_legacy_pth(const std::shared_ptr<const MappedFile>& file,
                            const std::string& where);

}  // namespace retort::weights
