#include "retort/report/tensorboard.h"

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <string>

#include "retort/core/error.h"

namespace retort::report {
namespace {
namespace fs = std::filesystem;

constexpr std::array<uint32_t, 256> crc_table() {
  constexpr uint32_t kReversedPolynomial = 0x82F63B78;
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    table[i] = i;
    for (int bit = 0; bit < 8; ++bit)
      table[i] = (table[i] >> 1) ^ ((table[i] & 1) != 0 ? kReversedPolynomial : 0);
  }
  return table;
}

// The format masks checksums, since a CRC of data that contains its own CRC is weak.
uint32_t masked_crc(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xA282EAD8U; }

template <std::unsigned_integral Number>
std::string little_endian(Number value) {
  std::string out;
  for (size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

// Protocol Buffers' encoding: a field is its number and its wire type, then its value.
std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
std::string key(uint64_t field, uint64_t wire_type) { return varint(field << 3 | wire_type); }
std::string whole(uint64_t field, int64_t value) {
  return key(field, 0) + varint(static_cast<uint64_t>(value));
}
std::string real(uint64_t field, double value) {
  return key(field, 1) + little_endian(std::bit_cast<uint64_t>(value));
}
std::string real(uint64_t field, float value) {
  return key(field, 5) + little_endian(std::bit_cast<uint32_t>(value));
}
std::string text(uint64_t field, std::string_view value) {  // or a nested message
  return key(field, 2) + varint(value.size()) + std::string(value);
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The start of an Event {wall_time = 1, step = 2}, to which the caller appends another field.
std::string event(int64_t step) { return real(1, now()) + whole(2, step); }

// Event {summary = 5}, Summary {value = 1}, Value {tag = 1, simple_value = 2}.
std::string scalars(const std::string& section, int64_t step, const EpochMetrics& epoch) {
  const nlohmann::json numbers = nlohmann::json(epoch).flatten();
  std::string values;
  for (const auto& [name, number] : numbers.items()) {
    if (name == "/epoch" || name == "/step" || !number.is_number()) continue;
    values += text(1, text(1, section + name) + real(2, number.get<float>()));
  }
  return event(step) + text(5, values);
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = crc_table();
  uint32_t crc = ~0U;
  for (const char byte : bytes)
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFF];
  return ~crc;
}

TensorBoard::TensorBoard(const fs::path& folder)
    : path_(folder /
            ("events.out.tfevents." + std::to_string(static_cast<int64_t>(now())) + ".retort")) {
  std::error_code ignored;  // opening the file reports what is wrong
  fs::create_directories(folder, ignored);
  std::vector<fs::path> earlier;
  for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end;
       it.increment(ignored))
    if (it->path().extension() == path_.extension()) earlier.push_back(it->path());
  for (const fs::path& file : earlier) fs::remove(file, ignored);
  file_.open(path_, std::ios::binary | std::ios::trunc);
  write(event(0) + text(3, "brain.Event:2"));  // file_version
  write(event(0) + text(7, whole(1, 1)));      // session_log START: TensorBoard drops earlier data
}

void TensorBoard::add(const EpochMetrics& epoch, int64_t image_steps) {
  write(scalars("epoch", epoch.epoch, epoch));
  write(scalars("image_steps", image_steps, epoch));
}

void TensorBoard::write(std::string_view event) {
  const std::string length = little_endian(uint64_t{event.size()});
  file_ << length << little_endian(masked_crc(length)) << event << little_endian(masked_crc(event))
        << std::flush;
  if (!file_)
    throw Error("cannot be written", path_.string(),
                "check the folder's permissions and the free space on its disk");
}

}  // namespace retort::report
