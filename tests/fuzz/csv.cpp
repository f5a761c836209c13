// CSV: rows that were read are written and read again, and must be the same.
#include "retort/data/csv.h"

#include <algorithm>
#include <cstdlib>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace retort;
  fuzz::expect_errors_only([&] {
    for (const data::CsvRow& row : data::parse_csv(fuzz::text_of(data, size), "input")) {
      // The row is not the first line, where a byte order mark would not belong to the field.
      const auto again = data::parse_csv("first\n" + data::csv_line(row.fields) + "\n", "again");
      const bool blank = row.fields.size() == 1 && row.fields[0].empty();
      if (!blank && (again.size() != 2 || again[1].fields != row.fields)) std::abort();
    }
  });
  return 0;
}
