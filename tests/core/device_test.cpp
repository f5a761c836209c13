#include "retort/core/device.h"

#include <gtest/gtest.h>

#include "retort/core/error.h"
#include "tests/support/message.h"

namespace retort {
namespace {

TEST(Device, TheProcessorIsAlwaysThere) { EXPECT_TRUE(open_device("cpu").is_cpu()); }

TEST(Device, OtherNamesAreRefusedWithThoseThatThereAre) {
  for (const char* name :
       {"", "gpu", "meta", "cuda:", "cuda:x", "cuda:-2", "mps", "cuda:99999999999999999999"}) {
    try {
      open_device(name);
      FAIL() << name;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find("cpu, cuda"), std::string::npos) << name;
    }
    EXPECT_USAGE_ERROR(check_device_name(name), "one of: cpu, cuda") << name;
  }
  check_device_name("cuda:1");  // this device may be missing
}

// On a machine with a GPU this returns the device, elsewhere an error that says what is missing and
// how to do without it.
TEST(Device, AGpuIsThereOrItIsSaidWhatIsMissing) {
  for (const char* name : {"cuda", "cuda:0"}) {
    try {
      EXPECT_EQ(open_device(name).str(), "cuda:0");
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("--device cpu"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace retort
