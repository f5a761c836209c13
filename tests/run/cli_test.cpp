#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <thread>

#include "retort/core/file.h"
#include "tests/support/folder.h"
#include "tests/support/pictures.h"
#include "tests/support/program.h"

namespace retort {
namespace {

namespace fs = std::filesystem;

using testing::Outcome;

pid_t start(std::vector<std::string> arguments, const fs::path& output) {
  arguments.insert(arguments.begin(), RETORT_BINARY);
  return testing::start_program(std::move(arguments), output);
}

class CliTest : public ::testing::Test {
 protected:
  Outcome run(const std::vector<std::string>& arguments) {
    const fs::path output = folder_ / "output.txt";
    return testing::await_program(start(arguments, output), output);
  }
  std::vector<std::string> training(const std::string& out, const std::string& epochs) {
    testing::write_pictures(folder_ / "data", "train", 3, 16);
    testing::write_pictures(folder_ / "data", "test", 3, 4);
    return {"distill",
            "--data",
            (folder_ / "data").string(),
            "--teacher",
            "none",
            "--student",
            "mobilenet_v2",
            "--image-size",
            "32",
            "--batch-size",
            "8",
            "--epochs",
            epochs,
            "--threads",
            "1",
            "--cache",
            (folder_ / "cache").string(),
            "--out",
            (folder_ / out).string()};
  }
  testing::TestFolder folder_;
};

TEST_F(CliTest, ExitCodesTellUsageFromFailure) {
  EXPECT_EQ(run({"--help"}).code, 0);
  EXPECT_EQ(run({"--version"}).code, 0);
  const Outcome nothing = run({}), misspelt = run({"distil"});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_NE(nothing.text.find("distill"), std::string::npos);
  EXPECT_EQ(misspelt.code, 2);
  EXPECT_NE(misspelt.text.find("no command 'distil'"), std::string::npos);
  EXPECT_EQ(run({"distill"}).code, 2);
  EXPECT_EQ(
      run({"distill", "--data", "x", "--teacher", "none", "--out", "y", "--epochs", "-1"}).code, 2);
  testing::put(folder_ / "nan.toml", "lr = nan\n");
  for (const std::vector<std::string>& more :
       std::vector<std::vector<std::string>>{{"--lr", "nan"},
                                             {"--lr", "inf"},
                                             {"--teacher-size", "nan"},
                                             {"--config", (folder_ / "nan.toml").string()}}) {
    std::vector<std::string> all = training("z", "1");
    all.insert(all.end(), more.begin(), more.end());
    const Outcome outcome = run(all);
    EXPECT_EQ(outcome.code, 2) << more[0] << " " << more[1] << ": " << outcome.text;
  }
  EXPECT_NE(run({"eval", "--run", "x", "--max-skipped", "nan"}).text.find("no finite number"),
            std::string::npos);
  testing::write_pictures(folder_ / "data", "train", 3, 4);
  const Outcome unknown = run({"distill", "--data", (folder_ / "data").string(), "--teacher",
                               "none", "--student", "resnet19", "--out", (folder_ / "y").string()});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.text.find("resnet18"), std::string::npos);
  const Outcome missing = run({"inspect", (folder_ / "nothing.pth").string()});
  EXPECT_EQ(missing.code, 1);
  EXPECT_NE(missing.text.find("nothing.pth"), std::string::npos);
}

TEST_F(CliTest, ListsWhatThereIs) {
  EXPECT_NE(run({"list", "students"}).text.find("mobilenet_v2"), std::string::npos);
  EXPECT_NE(run({"list", "students"}).text.find("torchscript"), std::string::npos);
  EXPECT_EQ(run({"list", "teachers"}).text.find("torchscript"), std::string::npos);
  EXPECT_NE(run({"list", "losses"}).text.find("align_uniform"), std::string::npos);
  EXPECT_EQ(run({"list", "nonsense"}).code, 2);
}

TEST_F(CliTest, ADryRunStopsAfterTheForecast) {
  std::vector<std::string> arguments = training("run", "7");
  arguments.emplace_back("--dry-run");
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.code, 0) << outcome.text;
  for (const char* part : {"forecast:", "× 7 epochs", "images/s", "of memory", "shorter:"})
    EXPECT_NE(outcome.text.find(part), std::string::npos) << part << " in " << outcome.text;
  EXPECT_FALSE(fs::exists(folder_ / "run"));
}

TEST_F(CliTest, AConfigIsTheSameRunAgain) {
  ASSERT_EQ(run(training("run", "1")).code, 0);
  const std::string weights = read_file(folder_ / "run/student.safetensors");
  const Outcome again = run({"distill", "--config", (folder_ / "run/config.toml").string()});
  ASSERT_EQ(again.code, 0) << again.text;
  EXPECT_NE(again.text.find("nothing is trained again"), std::string::npos) << again.text;
  EXPECT_NE(again.text.find("from scratch"), std::string::npos) << again.text;
  EXPECT_EQ(read_file(folder_ / "run/student.safetensors"), weights);
  write_file_atomic(folder_ / "bad.toml", "epochz = 3\n");
  EXPECT_EQ(run({"distill", "--config", (folder_ / "bad.toml").string()}).code, 2);
}

TEST_F(CliTest, PathsAndEncodingsThatConfigurationFilesMeet) {
  std::vector<std::string> arguments = training("run", "1");
  const std::string name = "zn #1, it's [2] = ;x";
  std::filesystem::rename(folder_ / "data", folder_ / name);
  arguments[2] = (folder_ / name).string();
  ASSERT_EQ(run(arguments).code, 0);
  const Outcome resumed =
      run({"distill", "--config", (folder_ / "run/config.toml").string(), "--resume"});
  EXPECT_EQ(resumed.code, 0) << resumed.text;
  write_file_atomic(folder_ / "mark.toml", "\xEF\xBB\xBF" + read_file(folder_ / "run/config.toml"));
  const Outcome dry = run({"distill", "--config", (folder_ / "mark.toml").string(), "--dry-run"});
  EXPECT_EQ(dry.code, 0) << dry.text;
  const Outcome predicted =
      run({"predict", "--run", (folder_ / "run").string(), (folder_ / name / "test").string()});
  EXPECT_EQ(predicted.code, 0) << predicted.text;
}

TEST_F(CliTest, NamesForgeNoLines) {
  std::vector<std::string> arguments = training("run", "1");
  write_file_atomic(folder_ / "data/test/class 0/a\nretort: all good\x1b[31m.png", "not a picture");
  write_file_atomic(folder_ / "data/train/class 0/a\nretort: all good\x1b[31m.png",
                    "not a picture");
  arguments.insert(arguments.end(), {"--max-skipped", "1"});
  const Outcome outcome = run(arguments);
  ASSERT_EQ(outcome.code, 0) << outcome.text;
  for (const std::string& text : {outcome.text, read_file(folder_ / "run/log.txt")}) {
    EXPECT_EQ(text.find("\nretort: all good"), std::string::npos);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_NE(text.find(R"(a\nretort: all good\x1b[31m.png)"), std::string::npos);
  }
}

TEST_F(CliTest, TwoRunsInOneFolderAndTwoOnOneCache) {
  ASSERT_EQ(run(training("alone", "2")).code, 0);
  fs::remove_all(folder_ / "cache");
  const pid_t first = start(training("first", "30"), folder_ / "first.txt"),
              second = start(training("second", "2"), folder_ / "second.txt");
  while (!fs::exists(folder_ / "first/config.toml") && !testing::has_ended(first))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const Outcome refused = run(training("first", "30"));
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.text.find("is in use: process " + std::to_string(first)), std::string::npos)
      << refused.text;
  const Outcome other = testing::await_program(second, folder_ / "second.txt");
  EXPECT_EQ(other.code, 0) << other.text;
  ::kill(first, SIGKILL);
  ::waitpid(first, nullptr, 0);
  EXPECT_EQ(read_file(folder_ / "second/student.safetensors"),
            read_file(folder_ / "alone/student.safetensors"));
}

TEST_F(CliTest, TheCacheIsListedAndPruned) {
  ASSERT_EQ(run(training("run", "1")).code, 0);
  const std::vector<std::string> cache{"cache", "--cache", (folder_ / "cache").string()};
  const Outcome listed = run(cache);
  EXPECT_EQ(listed.code, 0) << listed.text;
  EXPECT_NE(listed.text.find((folder_ / "data").string() + ": "), std::string::npos) << listed.text;
  EXPECT_NE(listed.text.find("used today"), std::string::npos) << listed.text;
  const auto prune = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = cache;
    words.emplace_back("prune");
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  };
  EXPECT_NE(prune({"--older-than", "1d"}).text.find("removed: 0 stores"), std::string::npos);
  EXPECT_EQ(prune({"--older-than", "soon"}).code, 2);
  EXPECT_EQ(prune({"--max-size", "much"}).code, 2);
  const Outcome all = prune({"--max-size", "0"});
  EXPECT_NE(all.text.find("left: 0 bytes"), std::string::npos) << all.text;
  EXPECT_TRUE(fs::is_empty(folder_ / "cache/images"));
}

TEST_F(CliTest, KilledAtAnyMomentAndResumedItEndsWithTheSameBytes) {
  ASSERT_EQ(run(training("whole", "12")).code, 0);
  std::vector<std::string> cut = training("cut", "12");
  cut.insert(cut.end(), {"--checkpoint-seconds", "0"});
  for (int attempt = 0; attempt < 4; ++attempt) {
    const pid_t child = start(cut, folder_ / "cut.txt");
    std::this_thread::sleep_for(std::chrono::milliseconds(1500 + 700 * attempt));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    if (attempt == 0) cut.emplace_back("--resume");
  }
  const Outcome last = run(cut);
  ASSERT_EQ(last.code, 0) << last.text;
  EXPECT_EQ(read_file(folder_ / "cut/student.safetensors"),
            read_file(folder_ / "whole/student.safetensors"));
}

// libgomp prints the settings that it read from the environment when it was loaded.
TEST_F(CliTest, ThreadsThatWaitSpinBriefly) {
  ::unsetenv("OMP_WAIT_POLICY");  // the tests' own
  ::setenv("OMP_DISPLAY_ENV", "verbose", 1);
  EXPECT_NE(run({"list", "losses"}).text.find("GOMP_SPINCOUNT = '10000'"), std::string::npos);
  ::setenv("GOMP_SPINCOUNT", "12345", 1);
  EXPECT_NE(run({"list", "losses"}).text.find("GOMP_SPINCOUNT = '12345'"), std::string::npos);
  ::unsetenv("GOMP_SPINCOUNT");
  ::unsetenv("OMP_DISPLAY_ENV");
}

// The dynamic linker prints the libraries that it loads.
TEST_F(CliTest, HelpLoadsNoLibtorch) {
  ::setenv("LD_DEBUG", "libs", 1);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {}, {"--help"}, {"--version"}, {"distill", "--help"}, {"cache", "prune", "-h"}}) {
    const Outcome outcome = run(words);
    EXPECT_NE(outcome.text.find("libc.so"), std::string::npos);
    EXPECT_EQ(outcome.text.find("libtorch"), std::string::npos) << outcome.text;
  }
  EXPECT_NE(run({"list", "losses"}).text.find("libtorch"), std::string::npos);
  ::unsetenv("LD_DEBUG");
}

TEST_F(CliTest, AnswersAreTheProgramsOwn) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{}, {"--version"}, {"eval", "--help"}}) {
    std::vector<std::string> program{std::string(RETORT_BINARY) + "-program"};
    program.insert(program.end(), words.begin(), words.end());
    const Outcome answer = run(words), own = testing::run_program(program, folder_ / "own.txt");
    EXPECT_EQ(answer.code, own.code);
    EXPECT_EQ(answer.text, own.text);
  }
}

TEST_F(CliTest, FoundByALinkAndToldWhereCopiedAlone) {
  fs::create_symlink(RETORT_BINARY, folder_ / "link");
  EXPECT_EQ(
      testing::run_program({(folder_ / "link").string(), "list", "losses"}, folder_ / "output.txt")
          .code,
      0);
  fs::copy_file(RETORT_BINARY, folder_ / "retort");
  const Outcome alone = testing::run_program({(folder_ / "retort").string(), "list", "losses"},
                                             folder_ / "output.txt");
  EXPECT_EQ(alone.code, 1);
  EXPECT_NE(alone.text.find((folder_ / "retort-program").string() +
                            ": cannot be started: No such file or directory\n  to mend it: "),
            std::string::npos)
      << alone.text;
}

}  // namespace
}  // namespace retort
