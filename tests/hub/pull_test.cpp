#include "retort/hub/pull.h"

#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <fcntl.h>
#include <algorithm>
#include <filesystem>
#include <thread>

#include "retort/core/file.h"
#include "tests/hub/fake_hub.h"
#include "tests/support/message.h"

namespace retort::hub {
namespace {

namespace fs = std::filesystem;
using retort::testing::error_of;
using retort::testing::says;
using testing::Answer;
using testing::etag_of_bytes;
using testing::FakeHub;
using testing::pattern;
using testing::put;
using testing::Recorder;
using testing::Request;
using testing::TestFolder;

const std::string kWeights = "model.safetensors";

class Pull : public ::testing::Test {
 protected:
  Pull() {
    hub_.add("config.json", R"({"architecture": "x"})");
    hub_.add("README.md", "# x");
    hub_.add(kWeights, bytes_, true);
  }
  Snapshot pull(const PullOptions& options, const std::string& name = "hf:org/name") {
    return hub::pull(parse_reference(name), options, log_);
  }
  Snapshot pull() { return pull(options()); }
  PullOptions options() const { return hub_.options(folder_); }
  std::string refusal(const std::string& name = "hf:org/name") {
    return error_of([&] { pull(options(), name); });
  }

  fs::path repository() const { return folder_ / "hub/models--org--name"; }
  fs::path blob(const std::string& bytes, bool large) const {
    return repository() / "blobs" / etag_of_bytes(bytes, large);
  }
  fs::path part() const { return fs::path(blob(bytes_, true)) += ".incomplete"; }
  std::vector<std::string> names_in(const fs::path& folder) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
      names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }
  std::vector<std::string> ranges() const {  // of the requests for the weights' bytes
    std::vector<std::string> found;
    for (const Request& request : hub_.storage->requests())
      found.push_back(request.header("range"));
    return found;
  }

  const std::string bytes_ = pattern(300'000);
  FakeHub hub_;
  TestFolder folder_;
  Recorder log_;
};

TEST_F(Pull, MakesTheHubsCache) {
  const Snapshot snapshot = pull();
  EXPECT_EQ(snapshot.folder, repository() / "snapshots" / FakeHub::kCommit);
  EXPECT_EQ(names_in(snapshot.folder), (std::vector<std::string>{"config.json", kWeights}));
  EXPECT_EQ(read_file(snapshot.folder / kWeights), bytes_);
  EXPECT_EQ(fs::read_symlink(snapshot.folder / kWeights),
            "../../blobs/" + etag_of_bytes(bytes_, true));
  EXPECT_EQ(fs::read_symlink(snapshot.folder / "config.json"),
            "../../blobs/" + hub_.files["config.json"].etag);
  EXPECT_EQ(read_file(repository() / "refs/main"), FakeHub::kCommit);
  EXPECT_EQ(names_in(repository() / "blobs").size(), 2U);
  EXPECT_TRUE(fs::exists(
      folder_ / ("hub/.locks/models--org--name/" + etag_of_bytes(bytes_, true) + ".lock")));
  EXPECT_EQ(weight_files(snapshot), std::vector{snapshot.folder / kWeights});
  ASSERT_FALSE(log_.seen.empty());
  EXPECT_EQ(log_.seen.back().total, static_cast<int64_t>(bytes_.size()));
  EXPECT_EQ(log_.seen.back().done, log_.seen.back().total);
  EXPECT_TRUE(log_.warned.empty());
}

TEST_F(Pull, AsksNoMoreThanWhatChanged) {
  pull();
  const size_t before = hub_.count("GET", "") + hub_.count("HEAD", "");
  pull();
  EXPECT_EQ(hub_.count("GET", "") + hub_.count("HEAD", ""), before + 1);  // the listing
  // Another commit, whose weights are the same.
  hub_.commit = std::string(40, 'a');
  hub_.add("config.json", R"({"architecture": "y"})");
  const Snapshot snapshot = pull();
  EXPECT_EQ(hub_.count("GET", kWeights), 1U);
  EXPECT_EQ(read_file(snapshot.folder / kWeights), bytes_);
  EXPECT_EQ(read_file(repository() / "refs/main"), hub_.commit);
  EXPECT_EQ(names_in(repository() / "snapshots").size(), 2U);
}

TEST_F(Pull, TakesABlobThatPythonDownloaded) {
  fs::create_directories(repository() / "blobs");
  put(blob(bytes_, true), bytes_);
  EXPECT_EQ(read_file(pull().folder / kWeights), bytes_);
  EXPECT_EQ(hub_.count("GET", kWeights), 0U);
}

TEST_F(Pull, RenewsABlobOfAnotherSize) {
  fs::create_directories(repository() / "blobs");
  put(blob(bytes_, true), "cut");
  EXPECT_EQ(read_file(pull().folder / kWeights), bytes_);
}

TEST_F(Pull, RevisionsAreKeptByName) {
  pull(options(), "hf:org/name@refs/pr/1");
  EXPECT_EQ(read_file(repository() / "refs/refs/pr/1"), FakeHub::kCommit);
  EXPECT_FALSE(fs::exists(repository() / "refs/main"));
  pull(options(), std::string("hf:org/name@") + FakeHub::kCommit);
  EXPECT_FALSE(fs::exists(repository() / "refs" / FakeHub::kCommit));
}

TEST_F(Pull, FollowsARenamedRepository) {
  const Snapshot snapshot = pull(options(), "hf:old/name");
  EXPECT_EQ(read_file(snapshot.folder / kWeights), bytes_);
  EXPECT_EQ(snapshot.folder.parent_path().parent_path().filename(), "models--old--name");
}

TEST_F(Pull, TheTokenGoesToTheHubAlone) {
  hub_.token = "hf_secret";
  PullOptions options = this->options();
  options.token = hub_.token;
  pull(options);
  for (const Request& request : hub_.hub->requests())
    EXPECT_EQ(request.header("authorization"), "Bearer hf_secret");
  ASSERT_FALSE(hub_.storage->requests().empty());
  for (const Request& request : hub_.storage->requests())
    EXPECT_EQ(request.header("authorization"), "");
}

TEST_F(Pull, GoesOnWhereTheConnectionWasCut) {
  hub_.cut_each_after = 100'000;
  EXPECT_EQ(read_file(pull().folder / kWeights), bytes_);
  EXPECT_EQ(ranges(), (std::vector<std::string>{"", "bytes=100000-", "bytes=200000-"}));
  EXPECT_EQ(log_.warned.size(), 2U);
  EXPECT_EQ(log_.seen.back().done, static_cast<int64_t>(bytes_.size()));
  EXPECT_FALSE(fs::exists(part()));
}

TEST_F(Pull, GivesUpWhenNothingArrivesAndKeepsThePart) {
  hub_.cut_each_after = 100'000;
  hub_.on_bytes = [&](const Request&) {
    if (hub_.storage->requests().size() > 1) hub_.cut_each_after = 0;
  };
  EXPECT_TRUE(says(refusal(), "5 times; what arrived is kept"));
  EXPECT_EQ(ranges().size(), 5U);
  EXPECT_EQ(read_file(part()), bytes_.substr(0, 100'000));
  EXPECT_FALSE(find({"org/name"}, options()).has_value());
  EXPECT_FALSE(fs::exists(repository() / "refs/main"));
}

TEST_F(Pull, GoesOnFromWhatAnEarlierProcessLeft) {
  fs::create_directories(repository() / "blobs");
  put(part(), bytes_.substr(0, 250'000));
  EXPECT_EQ(read_file(pull().folder / kWeights), bytes_);
  EXPECT_EQ(ranges(), std::vector<std::string>{"bytes=250000-"});
  EXPECT_EQ(log_.seen.back().done, static_cast<int64_t>(bytes_.size()));
}

TEST_F(Pull, AWholePartIsNotAskedFor) {
  fs::create_directories(repository() / "blobs");
  put(part(), bytes_);
  EXPECT_EQ(read_file(pull().folder / kWeights), bytes_);
  EXPECT_TRUE(ranges().empty());
}

TEST_F(Pull, BeginsAnewWhenThePartIsDamaged) {
  fs::create_directories(repository() / "blobs");
  for (const std::string& damaged : {std::string(250'000, 'x'), std::string(400'000, 'x')}) {
    fs::remove_all(repository() / "snapshots");
    fs::remove(blob(bytes_, true));
    put(part(), damaged);
    EXPECT_EQ(read_file(pull().folder / kWeights), bytes_);
  }
  EXPECT_EQ(ranges(), (std::vector<std::string>{"bytes=250000-", "", ""}));
}

TEST_F(Pull, BeginsAnewWhenTheServerKnowsNoRanges) {
  fs::create_directories(repository() / "blobs");
  put(part(), bytes_.substr(0, 1000));
  hub_.next_bytes({200, {}, bytes_});
  EXPECT_EQ(read_file(pull().folder / kWeights), bytes_);
  EXPECT_EQ(log_.seen.back().done, static_cast<int64_t>(bytes_.size()));
}

TEST_F(Pull, AnotherRangeThanAskedForIsNotTaken) {
  fs::create_directories(repository() / "blobs");
  put(part(), bytes_.substr(0, 1000));
  hub_.next_bytes({206, {{"Content-Range", "bytes 500-299999/300000"}}, bytes_.substr(500)});
  EXPECT_EQ(read_file(pull().folder / kWeights), bytes_);
  EXPECT_EQ(log_.warned.size(), 1U);
}

TEST_F(Pull, AFileThatChangedBetweenTriesIsNotMixed) {
  const std::string other = pattern(280'000, 2);
  hub_.cut_each_after = 100'000;
  hub_.on_bytes = [&](const Request&) {
    if (hub_.storage->requests().size() == 2) hub_.cut_each_after = std::string::npos;
  };
  // The file changes during the wait before the second attempt.
  PullOptions options = this->options();
  options.wait = [&](std::chrono::milliseconds) { hub_.add(kWeights, other, true); };
  const Snapshot snapshot = pull(options);
  EXPECT_EQ(read_file(snapshot.folder / kWeights), other);
  EXPECT_EQ(ranges(), (std::vector<std::string>{"", ""}));
  EXPECT_TRUE(fs::exists(blob(other, true)));
  EXPECT_FALSE(fs::exists(blob(bytes_, true)));
}

TEST_F(Pull, WrongBytesAreNotPlaced) {
  std::string wrong = bytes_;
  wrong[12345] ^= 1;
  hub_.next_bytes({200, {}, wrong});
  const std::string message = refusal();
  EXPECT_TRUE(says(message, "does not fit its sha256"));
  EXPECT_TRUE(says(message, kWeights));
  EXPECT_EQ(names_in(repository() / "blobs"),
            std::vector<std::string>{hub_.files["config.json"].etag});
  EXPECT_FALSE(find({"org/name"}, options()).has_value());
  EXPECT_EQ(read_file(pull().folder / kWeights), bytes_);
}

TEST_F(Pull, WrongTextsAreNotPlaced) {
  hub_.files["config.json"].bytes = R"({"architecture": "z"})";  // with the etag of the old bytes
  EXPECT_TRUE(says(refusal(), "does not fit its git checksum"));
}

TEST_F(Pull, MoreBytesThanAnnouncedAreRefused) {
  hub_.next_bytes({200, {}, bytes_ + "more"});
  EXPECT_TRUE(says(refusal(), "sends more than 300000 bytes"));
  EXPECT_FALSE(fs::exists(part()));
}

TEST_F(Pull, FewerBytesThanAnnouncedAreAskedForAgain) {
  hub_.next_bytes({200, {}, bytes_.substr(0, 10)});
  EXPECT_EQ(read_file(pull().folder / kWeights), bytes_);
  EXPECT_EQ(ranges(), (std::vector<std::string>{"", "bytes=10-"}));
}

TEST_F(Pull, AFileOfUnknownSizeWithoutAChecksumIsTaken) {
  hub_.files.clear();
  hub_.add("config.json", "{}");
  hub_.add(kWeights, bytes_);
  hub_.next(
      {200,
       {},
       R"({"sha": ")" + hub_.commit + R"(", "siblings": [{"rfilename": "model.safetensors"}]})"});
  for (int i = 0; i < 3; ++i) {  // asked twice by HEAD, then for its bytes
    Answer answer{200, {{"ETag", "W/\"weak-1\""}}, bytes_};
    answer.chunked = true;
    hub_.next(answer);
  }
  const Snapshot snapshot = pull();
  EXPECT_EQ(read_file(snapshot.folder / kWeights), bytes_);
  EXPECT_EQ(fs::read_symlink(snapshot.folder / kWeights), "../../blobs/weak-1");
}

struct Refusal {
  int status;
  const char* code;
  bool token;
  const char *says, *mends;
};

TEST_F(Pull, EachRefusalHasAMessageOfItsOwn) {
  const Refusal refusals[] = {
      {401, "RepoNotFound", false,
       "there is no such repository, or it is gated or private (HTTP 401)", "set HF_TOKEN"},
      {401, "", true, "does not accept the token", "HF_TOKEN is a token that may read it"},
      {403, "GatedRepo", true, "may not be read with this token (HTTP 403)",
       "accept its conditions at http"},
      {404, "RepoNotFound", false, "there is no such repository or revision (HTTP 404)",
       "check the name"},
      {404, "RevisionNotFound", false, "there is no revision 'main'", "look at http"},
      {404, "", false, "there is no such repository or revision", "check the name"},
      {418, "", false, "the server refuses (HTTP 418)", ""}};
  for (const Refusal& expected : refusals) {
    hub_.next({expected.status, {{"X-Error-Code", expected.code}}});
    PullOptions options = this->options();
    if (expected.token) options.token = "hf_secret";
    const std::string message = error_of([&] { pull(options); });
    EXPECT_TRUE(says(message, expected.says));
    EXPECT_TRUE(says(message, expected.mends));
    EXPECT_TRUE(says(message, "hf:org/name"));
    EXPECT_EQ(message.find("hf_secret"), message.npos);
  }
  EXPECT_TRUE(says(refusal("hf:org/other"), "there is no such repository"));
  EXPECT_TRUE(says(refusal("hf:org/name@v2"), "there is no revision 'v2'"));
  EXPECT_TRUE(log_.warned.empty());
  EXPECT_FALSE(fs::exists(folder_ / "hub"));
}

TEST_F(Pull, WaitsAsLongAsTheServerAsks) {
  std::vector<int64_t> waits;
  PullOptions options = this->options();
  options.wait = [&](std::chrono::milliseconds time) { waits.push_back(time.count()); };
  hub_.next({429, {{"Retry-After", "17"}}});
  hub_.next({503, {}});
  hub_.next({503, {{"Retry-After", "3"}}});
  hub_.next({429, {{"RateLimit", "\"api\";r=0;t=55"}}});
  EXPECT_EQ(read_file(pull(options).folder / kWeights), bytes_);
  EXPECT_EQ(waits, (std::vector<int64_t>{17'000, 2'000, 3'000, 55'000}));
  EXPECT_TRUE(says(log_.warned.front(), "the server is busy (HTTP 429); trying again in 17 s"));
}

TEST_F(Pull, DoesNotWaitForHours) {
  hub_.next({429, {{"Retry-After", "3600"}}});
  EXPECT_TRUE(says(refusal(), "it asks to wait 3600 s"));
  for (int i = 0; i < 5; ++i) hub_.next({503, {}});
  EXPECT_TRUE(says(refusal(), "HTTP 503"));
}

TEST_F(Pull, AnAddressThatRanOutIsAskedForAnew) {
  hub_.next_bytes({403, {}});
  hub_.next_bytes({503, {{"Retry-After", "1"}}});
  EXPECT_EQ(read_file(pull().folder / kWeights), bytes_);
  for (const std::string& message : log_.warned) EXPECT_EQ(message.find("signature"), message.npos);
}

TEST_F(Pull, TakesTheCacheWhereNothingAnswers) {
  PullOptions nowhere = options();
  pull();
  nowhere.endpoint = "http://127.0.0.1:1";
  const Snapshot snapshot = pull(nowhere);
  EXPECT_EQ(read_file(snapshot.folder / kWeights), bytes_);
  EXPECT_TRUE(says(log_.warned.back(), "what the cache holds is taken"));
  EXPECT_TRUE(says(error_of([&] { pull(nowhere, "hf:org/other"); }), "cannot be reached"));
}

TEST_F(Pull, OfflineAsksNobody) {
  PullOptions options = this->options();
  options.offline = true;
  EXPECT_TRUE(says(error_of([&] { pull(options); }), "is not in the cache"));
  EXPECT_TRUE(hub_.hub->requests().empty());
  EXPECT_FALSE(find({"org/name"}, options).has_value());
  pull();
  const size_t before = hub_.hub->requests().size();
  EXPECT_EQ(read_file(pull(options).folder / kWeights), bytes_);
  ASSERT_TRUE(find({"org/name"}, options).has_value());
  EXPECT_TRUE(find({"org/name", FakeHub::kCommit}, options).has_value());
  EXPECT_FALSE(find({"org/name", "v1"}, options).has_value());
  EXPECT_EQ(hub_.hub->requests().size(), before);
  fs::remove(blob(bytes_, true));
  EXPECT_FALSE(find({"org/name"}, options).has_value());
  EXPECT_TRUE(says(error_of([&] { pull(options); }), "holds no weights"));
}

TEST_F(Pull, CtrlCLeavesThePartToGoOnFrom) {
  StopFlag stop{false};
  hub_.cut_each_after = 200'000;  // the rest does not come by itself
  log_.on_progress = [&](const Progress& progress) {
    stop = progress.done > 0 && progress.total == 300'000;
  };
  const std::string message = error_of([&] { hub::pull({"org/name"}, options(), log_, stop); });
  EXPECT_TRUE(says(message, "the same command goes on from there"));
  const size_t kept = fs::file_size(part());
  EXPECT_GT(kept, 0U);
  EXPECT_EQ(read_file(part()), bytes_.substr(0, kept));
  log_.on_progress = nullptr;
  EXPECT_EQ(read_file(pull().folder / kWeights), bytes_);
  EXPECT_EQ(ranges()[1], "bytes=" + std::to_string(kept) + "-");
}

TEST_F(Pull, WaitsForAnotherWriter) {
  const fs::path lock =
      folder_ / ("hub/.locks/models--org--name/" + etag_of_bytes(bytes_, true) + ".lock");
  fs::create_directories(lock.parent_path());
  const int other = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  ASSERT_EQ(::flock(other, LOCK_EX), 0);
  int looks = 0;
  PullOptions options = this->options();
  options.wait = [&](std::chrono::milliseconds) {
    if (++looks < 3) return;
    // The other one is done.
    fs::create_directories(repository() / "blobs");
    put(blob(bytes_, true), bytes_);
    ::close(other);
  };
  EXPECT_EQ(read_file(pull(options).folder / kWeights), bytes_);
  EXPECT_EQ(looks, 3);
  EXPECT_EQ(hub_.count("GET", kWeights), 0U);
  ASSERT_EQ(log_.said.size(), 1U);
  EXPECT_TRUE(says(log_.said.front(), "waiting for another process"));
}

TEST_F(Pull, TwoAtOnceDownloadOnce) {
  PullOptions options = this->options();
  options.wait = [](std::chrono::milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  Recorder logs[2];
  std::thread other([&] { hub::pull({"org/name"}, options, logs[0]); });
  const Snapshot snapshot = hub::pull({"org/name"}, options, logs[1]);
  other.join();
  EXPECT_EQ(read_file(snapshot.folder / kWeights), bytes_);
  EXPECT_EQ(hub_.count("GET", kWeights), 1U);
}

TEST_F(Pull, HostileNamesAreRefused) {
  for (const char* name : {R"(../../evil.json)", R"(/etc/evil.json)", R"(a\\evil.json)",
                           R"(a\u0000evil.json)", R"(a//evil.json)", R"()"}) {
    hub_.listing = R"({"sha": ")" + hub_.commit +
                   R"(", "siblings": [{"rfilename": "config.json"}, {"rfilename": ")" +
                   std::string(name) + R"("}]})";
    EXPECT_TRUE(says(refusal(), "leads out of its folder")) << name;
  }
  EXPECT_FALSE(fs::exists(folder_ / "hub"));
  PullOptions options = this->options();
  options.files = {"../config.json"};
  EXPECT_USAGE_ERROR(pull(options), "is not the name of a file in a repository");
}

TEST_F(Pull, HostileListingsAreRefused) {
  const std::string begin = R"({"sha": ")" + hub_.commit + R"(", "siblings": )";
  for (const std::string& listing :
       {std::string("<html>"), std::string("[]"), std::string("{}"),
        std::string(R"({"sha": "../../x", "siblings": []})"),
        std::string(R"({"sha": 7, "siblings": []})"), begin + "7}", begin + "[7]}",
        begin + R"([{"rfilename": 7}]})", begin + std::string(10'000, '[')}) {
    hub_.listing = listing;
    EXPECT_TRUE(says(refusal(), "the list of its files")) << listing.substr(0, 80);
  }
}

TEST_F(Pull, HostileHeadsAreRefused) {
  hub_.files.erase("config.json");
  const std::string list =
      R"({"sha": ")" + hub_.commit + R"(", "siblings": [{"rfilename": "model.safetensors"}]})";
  const auto answered = [&](const std::map<std::string, std::string>& headers, int status = 302) {
    hub_.next({200, {}, list});
    hub_.next({status, headers});
    return refusal();
  };
  const std::string location = hub_.storage->url() + "/storage/model.safetensors";
  EXPECT_TRUE(says(answered({{"Location", location}, {"X-Linked-Etag", "\"../../evil\""}}),
                   "no etag that names a file"));
  EXPECT_TRUE(says(answered({{"Location", location}, {"X-Linked-Etag", "\"\""}}),
                   "no etag that names a file"));
  EXPECT_TRUE(says(answered({}, 200), "no etag that names a file"));
  EXPECT_TRUE(says(answered({{"Location", "file:///etc/passwd"}, {"X-Linked-Etag", "\"a\""}}),
                   "is no http or https address"));
  EXPECT_TRUE(says(answered({{"Location", location},
                             {"X-Linked-Etag", "\"a\""},
                             {"X-Linked-Size", "18446744073709551615"}}),
                   "is larger"));
  EXPECT_TRUE(says(answered({{"Location", location},
                             {"X-Linked-Etag", "\"a\""},
                             {"X-Repo-Commit", std::string(40, 'b')}}),
                   "another commit"));
  hub_.next({200, {}, list});
  for (int i = 0; i < 20; ++i) hub_.next({307, {{"Location", "/org/name/round"}}});
  EXPECT_TRUE(says(refusal(), "redirects without an end"));
}

TEST_F(Pull, TakesTheTopsTextsAndTheWeights) {
  for (const char* name :
       {"tokenizer.json", "merges.txt", "vocab.json", "spiece.model", "model.onnx",
        "unet/config.json", "unet/x.safetensors", "pytorch_model.bin"})
    hub_.add(name, name);
  EXPECT_EQ(names_in(pull().folder),
            (std::vector<std::string>{"config.json", "merges.txt", kWeights, "spiece.model",
                                      "tokenizer.json", "vocab.json"}));
}

TEST_F(Pull, TakesShardsByTheIndex) {
  hub_.files.erase(kWeights);
  hub_.add("model-2.safetensors", "two", true);
  hub_.add("model-1.safetensors", "one", true);
  hub_.add("other.safetensors", "not named", true);
  hub_.add("model.safetensors.index.json",
           R"({"weight_map": {"a": "model-2.safetensors", "b": "model-1.safetensors",
        "c": "model-2.safetensors"}})");
  const Snapshot snapshot = pull();
  EXPECT_EQ(weight_files(snapshot), (std::vector{snapshot.folder / "model-1.safetensors",
                                                 snapshot.folder / "model-2.safetensors"}));
  EXPECT_FALSE(fs::exists(snapshot.folder / "other.safetensors"));
  EXPECT_TRUE(find({"org/name"}, options()).has_value());
  fs::remove(snapshot.folder / "model-1.safetensors");
  EXPECT_FALSE(find({"org/name"}, options()).has_value());
  pull();
  EXPECT_TRUE(find({"org/name"}, options()).has_value());
  EXPECT_EQ(hub_.count("GET", "model-1"), 1U);
}

TEST_F(Pull, AShardThatTheRepositoryLacksIsNamed) {
  hub_.files.erase(kWeights);
  hub_.add("model.safetensors.index.json", R"({"weight_map": {"a": "model-1.safetensors"}})");
  EXPECT_TRUE(says(refusal(), "holds no file 'model-1.safetensors'"));
}

TEST_F(Pull, PickledFilesOnlyWhenAskedFor) {
  hub_.files.erase(kWeights);
  EXPECT_TRUE(says(refusal(), "holds no weights"));
  hub_.add("pytorch_model.bin", "pickled", true);
  EXPECT_TRUE(says(refusal(), "--pth takes such files"));
  PullOptions options = this->options();
  options.pickled = true;
  const Snapshot snapshot = pull(options);
  EXPECT_EQ(weight_files(snapshot), std::vector{snapshot.folder / "pytorch_model.bin"});
}

TEST_F(Pull, NamedFilesAreTakenWhateverTheyAre) {
  hub_.add("onnx/model.onnx", "graph", true);
  PullOptions options = this->options();
  options.files = {"onnx/model.onnx", "README.md"};
  const Snapshot snapshot = pull(options);
  EXPECT_EQ(read_file(snapshot.folder / "onnx/model.onnx"), "graph");
  EXPECT_EQ(fs::read_symlink(snapshot.folder / "onnx/model.onnx"),
            "../../../blobs/" + etag_of_bytes("graph", true));
  EXPECT_EQ(names_in(snapshot.folder), (std::vector<std::string>{"README.md", "onnx"}));
  EXPECT_TRUE(find({"org/name"}, options).has_value());
  options.files = {"missing.bin"};
  EXPECT_TRUE(says(error_of([&] { pull(options); }), "holds no file 'missing.bin'"));
}

TEST_F(Pull, AnAnswerBeforeTheAnswerIsNotMeant) {
  hub_.early = "HTTP/1.1 103 Early Hints\r\nX-Linked-Etag: \"early\"\r\nX-Repo-Commit: 7\r\n\r\n";
  EXPECT_EQ(fs::read_symlink(pull().folder / "config.json"),
            "../../blobs/" + hub_.files["config.json"].etag);
}

TEST_F(Pull, AnEmptyFileIsAFile) {
  hub_.add("empty.txt", "");
  EXPECT_EQ(fs::file_size(pull().folder / "empty.txt"), 0U);
}

}  // namespace
}  // namespace retort::hub
