#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>
#include <string>
#include <vector>

#include "retort/hub/client.h"
#include "retort/hub/digest.h"
#include "retort/hub/options.h"
#include "retort/hub/reference.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"

namespace retort::hub {
namespace {

using retort::testing::error_of;
using retort::testing::put;
using retort::testing::says;
using retort::testing::TestFolder;

TEST(Reference, IsNameAndRevision) {
  EXPECT_EQ(parse_reference("hf:timm/vit_small_patch14_dinov2.lvd142m").repository,
            "timm/vit_small_patch14_dinov2.lvd142m");
  EXPECT_EQ(parse_reference("hf:timm/vit_small_patch14_dinov2.lvd142m").revision, "main");
  EXPECT_EQ(parse_reference("hf:facebook/dinov2-small@refs/pr/3").revision, "refs/pr/3");
  EXPECT_EQ(parse_reference("hf:gpt2").repository, "gpt2");
  EXPECT_EQ(to_string(parse_reference("hf:a/b@v1.0")), "hf:a/b@v1.0");
  EXPECT_EQ(to_string(parse_reference("hf:a/b")), "hf:a/b");
  EXPECT_TRUE(is_reference("hf:a/b"));
  EXPECT_FALSE(is_reference("weights/hf:a"));
}

TEST(Reference, RefusesWhatTheHubDoesNotAllow) {
  for (const char* text :
       {"a/b",        "hf:",        "hf:/",    "hf:a/",       "hf:/b",     "hf:a/b/c",
        "hf:a--b/c",  "hf:../b",    "hf:a/..", "hf:a/b.git",  "hf:-a/b",   "hf:a/b.",
        "hf:a/b c",   "hf:a/b?x",   "hf:a/b@", "hf:a/b@../x", "hf:a/b@/x", "hf:a/b@x/",
        "hf:a/b@x y", "hf:a/b@x\n", "hf:a/ä"}) {
    EXPECT_USAGE_ERROR(parse_reference(text), "is not ") << text;
  }
  EXPECT_USAGE_ERROR(parse_reference("hf:a/" + std::string(97, 'b')),
                     "is not the name of a repository on the hub");
  EXPECT_NO_THROW(parse_reference("hf:a/" + std::string(96, 'b')));
}

TEST(SafeName, StaysInItsFolder) {
  for (const char* name : {"config.json", "a/b/c.txt", "..a", "a..", ".hidden", "ü.txt",
                           "model-00001-of-00002.safetensors"})
    EXPECT_TRUE(is_safe_name(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"), std::string(".."),
        std::string("."), std::string("../a"), std::string("a/../b"), std::string("a/.."),
        std::string("a\\b"), std::string("C:a"), std::string("a\0b", 3), std::string("a\nb"),
        std::string(256, 'a'), std::string(2000, 'a')}) {
    EXPECT_FALSE(is_safe_name(name)) << name;
  }
}

TEST(Etag, IsTheFilesChecksum) {
  const TestFolder folder;
  put(folder / "abc", "abc");
  put(folder / "empty", "");
  // FIPS 180-2's example, and what `git hash-object` says.
  EXPECT_EQ(etag_of(folder / "abc", EtagKind::sha256),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(etag_of(folder / "abc", EtagKind::git_sha1),
            "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f");
  EXPECT_EQ(etag_of(folder / "empty", EtagKind::git_sha1),
            "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(kind_of("f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f"), EtagKind::git_sha1);
  EXPECT_EQ(kind_of(std::string(64, 'a')), EtagKind::sha256);
  EXPECT_EQ(kind_of(std::string(64, 'A')), EtagKind::opaque);
  EXPECT_EQ(kind_of("5d41402abc4b2a76b9719d911017c592-3"), EtagKind::opaque);
  StopFlag stop{true};
  EXPECT_THROW(etag_of(folder / "abc", EtagKind::sha256, stop), Interrupted);
}

TEST(Url, RedirectsResolve) {
  EXPECT_EQ(resolve_url("https://a.org/x/y", "/z?q=1"), "https://a.org/z?q=1");
  EXPECT_EQ(resolve_url("https://a.org/x/y", "z"), "https://a.org/x/z");
  EXPECT_EQ(resolve_url("https://a.org/x", "https://b.org/y"), "https://b.org/y");
  EXPECT_EQ(origin_of("https://A.org/x"), origin_of("https://a.org:443/y"));
  EXPECT_NE(origin_of("https://a.org/"), origin_of("http://a.org/"));
  EXPECT_NE(origin_of("http://a.org:1/"), origin_of("http://a.org:2/"));
  EXPECT_EQ(origin_of("https://a.org@b.org/"), origin_of("https://b.org/"));
  for (const char* location : {"file:///etc/passwd", "ftp://a.org/x", "javascript:1", "https://"})
    EXPECT_ERROR(resolve_url("https://a.org/", location), "is no http or https address")
        << location;
  EXPECT_TRUE(
      says(error_of([] { resolve_url("https://a.org/x", "http://a.org/x"); }), "not encrypted"));
  EXPECT_EQ(resolve_url("http://a.org/x", "https://a.org/x"), "https://a.org/x");
  EXPECT_EQ(quote_url("refs/pr/1", false), "refs%2Fpr%2F1");
  EXPECT_EQ(quote_url("a b/ü?.txt", true), "a%20b/%C3%BC%3F.txt");
}

TEST(RetryAfter, ReadsSecondsDatesAndTheHubsOwn) {
  const auto after = [](const char* name, const char* value, int64_t now = 0) {
    return retry_after(Response{429, {{name, value}}}, now);
  };
  EXPECT_EQ(after("retry-after", "7"), 7);
  EXPECT_EQ(after("retry-after", "99999999999999999999"), std::nullopt);
  EXPECT_EQ(after("retry-after", "18446744073709551615"), 1'000'000);
  EXPECT_EQ(after("retry-after", "-1"), std::nullopt);
  EXPECT_EQ(after("retry-after", "Thu, 01 Jan 1970 00:01:40 GMT", 40), 60);
  EXPECT_EQ(after("retry-after", "Thu, 01 Jan 1970 00:01:40 GMT", 200), 0);
  EXPECT_EQ(after("retry-after", "soon"), std::nullopt);
  EXPECT_EQ(after("ratelimit", "\"api\";r=0;t=55"), 55);
  EXPECT_EQ(after("ratelimit", "\"api\";r=3;t=55"), std::nullopt);
  EXPECT_EQ(after("date", "x"), std::nullopt);
}

class Environment : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : kNames) {
      if (const char* value = ::getenv(name)) saved_[name] = value;
      ::unsetenv(name);
    }
    ::setenv("HOME", folder_.path().c_str(), 1);
  }
  void TearDown() override {
    for (const char* name : kNames) {
      ::unsetenv(name);
      if (const auto value = saved_.find(name); value != saved_.end())
        ::setenv(name, value->second.c_str(), 1);
    }
  }
  static PullOptions with(const std::map<std::string, std::string>& variables) {
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
    PullOptions options = options_from_environment();
    for (const auto& [name, value] : variables) {
      if (name != "HOME") ::unsetenv(name.c_str());
    }
    return options;
  }
  TestFolder folder_;

 private:
  static constexpr const char* kNames[] = {"HOME",
                                           "HF_HOME",
                                           "HF_HUB_CACHE",
                                           "HUGGINGFACE_HUB_CACHE",
                                           "XDG_CACHE_HOME",
                                           "HF_TOKEN",
                                           "HUGGING_FACE_HUB_TOKEN",
                                           "HF_ENDPOINT",
                                           "HF_HUB_OFFLINE",
                                           "TRANSFORMERS_OFFLINE",
                                           "HF_HUB_DISABLE_IMPLICIT_TOKEN",
                                           "HF_TOKEN_PATH"};
  std::map<std::string, std::string> saved_;
};

TEST_F(Environment, NamesTheCache) {
  EXPECT_EQ(with({}).cache, folder_ / ".cache/huggingface/hub");
  EXPECT_EQ(with({{"XDG_CACHE_HOME", "/x"}}).cache, "/x/huggingface/hub");
  EXPECT_EQ(with({{"XDG_CACHE_HOME", "/x"}, {"HF_HOME", "/h"}}).cache, "/h/hub");
  EXPECT_EQ(with({{"HF_HOME", "~/h"}}).cache, folder_ / "h/hub");
  EXPECT_EQ(with({{"HF_HOME", "/h"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}).cache, "/old");
  EXPECT_EQ(with({{"HF_HUB_CACHE", "/new"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}).cache, "/new");
  EXPECT_EQ(with({{"HF_HUB_CACHE", ""}}).cache, folder_ / ".cache/huggingface/hub");
}

TEST_F(Environment, NamesTheServer) {
  EXPECT_EQ(with({}).endpoint, "https://huggingface.co");
  EXPECT_EQ(with({{"HF_ENDPOINT", "https://mirror.org/hf/"}}).endpoint, "https://mirror.org/hf");
  EXPECT_TRUE(says(error_of([] { with({{"HF_ENDPOINT", "mirror.org"}}); }), "HF_ENDPOINT"));
}

TEST_F(Environment, GoesOffline) {
  EXPECT_FALSE(with({}).offline);
  EXPECT_FALSE(with({{"HF_HUB_OFFLINE", "0"}}).offline);
  EXPECT_TRUE(with({{"HF_HUB_OFFLINE", "1"}}).offline);
  EXPECT_TRUE(with({{"TRANSFORMERS_OFFLINE", "yes"}}).offline);
}

TEST_F(Environment, FindsTheToken) {
  EXPECT_EQ(with({}).token, "");
  std::filesystem::create_directories(folder_ / ".cache/huggingface");
  put(folder_ / ".cache/huggingface/token", "hf_file\n");
  EXPECT_EQ(with({}).token, "hf_file");
  EXPECT_EQ(with({{"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}}).token, "");
  EXPECT_EQ(with({{"HF_TOKEN", " hf_variable\n"}}).token, "hf_variable");
  EXPECT_EQ(with({{"HUGGING_FACE_HUB_TOKEN", "hf_old"}}).token, "hf_old");
  put(folder_ / "elsewhere", "hf_elsewhere");
  EXPECT_EQ(with({{"HF_TOKEN_PATH", (folder_ / "elsewhere").string()}}).token, "hf_elsewhere");
  const std::string message = error_of([] { with({{"HF_TOKEN", "secret\r\nX-Evil: 1"}}); });
  EXPECT_TRUE(says(message, "HF_TOKEN"));
  EXPECT_EQ(message.find("secret"), message.npos);
}

}  // namespace
}  // namespace retort::hub
