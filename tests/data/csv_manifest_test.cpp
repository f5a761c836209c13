#include "retort/data/csv_manifest.h"

#include <gtest/gtest.h>

#include <set>

#include "retort/data/csv.h"
#include "tests/data/folder.h"
#include "tests/data/manifest_errors.h"

namespace retort::data {
namespace {

using testing::mentions;

class CsvManifest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* label : {"cat", "dog"})
      for (int i = 0; i < 3; ++i)
        folder_.write(std::string(label) + "/" + std::to_string(i) + ".jpg");
  }
  // Six lines, with the separator between path and label.
  static std::string lines(const std::string& separator, const std::string& end = "\n",
                           const std::string& slash = "/") {
    std::string text;
    for (const std::string label : {"cat", "dog"})
      for (int i = 0; i < 3; ++i)
        text += label + slash + std::to_string(i) + ".jpg" + separator + label + end;
    return text;
  }
  Manifest load(const std::string& text) {
    folder_.write("m.csv", text);
    return load_manifest(folder_ / "m.csv");
  }
  std::string error(const std::string& text) {
    folder_.write("m.csv", text);
    return error_of(folder_ / "m.csv");
  }
  void expect_all(const std::string& text) {
    const Manifest manifest = load(text);
    EXPECT_EQ(manifest.classes, (std::vector<std::string>{"cat", "dog"})) << text;
    EXPECT_EQ(manifest.items.size(), 6U) << text;
    for (const Item& item : manifest.items)
      EXPECT_EQ(item.path.substr(0, 3), manifest.classes[static_cast<size_t>(item.label)]) << text;
  }
  testing::TestFolder folder_;
};

std::string utf16(const std::string& ascii) {
  std::string bytes = "\xFF\xFE";
  for (const char c : ascii) bytes += {c, '\0'};
  return bytes;
}

TEST_F(CsvManifest, AsSpreadsheetsWriteThem) {
  expect_all("\xEF\xBB\xBFpath,label\r\n" + lines(",", "\r\n"));
  expect_all("path;label\n" + lines(";"));
  expect_all("sep=;\r\npath;label\r\n" + lines(";", "\r\n"));
  expect_all("path\tlabel\n" + lines("\t"));
  expect_all("path|label\n" + lines("|"));
  expect_all("path,label\r" + lines(",", "\r"));
  expect_all(utf16("path\tlabel\r\n" + lines("\t", "\r\n")));
  expect_all("path,label\n" + lines(",") + ",\n,\n\n , \n");
  expect_all("path,label,,\n" + lines(",", ",,\n"));
  expect_all("path,label\n" + lines(",", ",,\n"));
}

TEST_F(CsvManifest, BlanksAreNoneOfTheFields) {
  expect_all("path, label\n" + lines(", "));
  expect_all(" path ,\tlabel \n" + lines(" , ", "  \n"));
  expect_all("path, label\n" + lines(", \"", "\" \n"));
}

TEST_F(CsvManifest, ColumnsUnderOtherNames) {
  for (const char* header : {"Path,Label", "filename,class", "File_Name,Class Name",
                             "image,category", "filepaths,labels", "image_path,target"})
    expect_all(std::string(header) + "\n" + lines(","));
  const Manifest manifest = load(
      "label,filepaths,data "
      "set\ncat,cat/0.jpg,Training\ncat,cat/1.jpg,valid\ndog,dog/0.jpg,TRAIN\ndog,dog/"
      "1.jpg,Test\n");
  EXPECT_EQ(manifest.of(Split::train).size(), 2U);
  EXPECT_EQ(manifest.of(Split::val).size(), 1U);
  EXPECT_EQ(manifest.of(Split::test).size(), 1U);
  ASSERT_FALSE(manifest.notes.empty());
  EXPECT_EQ(manifest.notes[0].text, "columns: 'filepaths' as path, 'data set' as split");
  expect_all(
      "image,path,label\n,cat/0.jpg,cat\n,cat/1.jpg,cat\n,cat/2.jpg,cat\n,dog/0.jpg,dog\n,dog/"
      "1.jpg,dog\n,dog/2.jpg,dog\n");
  expect_says(error("file,image,label\n"),
              "m.csv:1: both 'file' and 'image' could be the column `path`");
  expect_says(error("a;b\n1;2\n"),
              "m.csv:1: the header needs a column `path` and a column `label`; its columns, "
              "between semicolons, are 'a', 'b'");
}

TEST_F(CsvManifest, PathsOfOtherSystems) {
  expect_all("path,label\n" + lines(",", "\n", "\\"));
  EXPECT_EQ(load("path,label\n" + lines(",", "\n", "\\")).notes.at(0).text,
            "paths of 6 lines are read with / for \\");
  expect_says(error("path,label\nC:\\photos\\a.jpg,cat\n"),
              "m.csv:2: there is no file 'C:\\photos\\a.jpg': it is a path on a Windows machine");
  folder_.write("caf\u00e9/1.jpg");
  folder_.write("cafe\u0301/2.jpg");
  EXPECT_EQ(load("path,label\n" + lines(",") + "cafe\u0301/1.jpg,cat\ncaf\u00e9/2.jpg,cat\n")
                .items.size(),
            8U);
}

TEST_F(CsvManifest, MessagesSayWhatToMend) {
  const std::string mixed = error("path,label,split\n" + lines(";"));
  expect_says(mixed,
              "m.csv:2: has 1 field, the header has 3: its fields are separated by semicolons, the "
              "header's by commas");
  EXPECT_FALSE(mentions(mixed, "quote"));
  expect_says(error("path,label\ncat/0.jpg,cat,x\n"),
              "put fields that hold commas in double quotes");
  expect_says(error("path,label\ncat/0.jpg,caf\xe9\n"),
              "m.csv:2: the class's name 'caf\\xe9' is not UTF-8");
  expect_says(error("path,label\ncaf\xe9.jpg,cat\n"), "save the list as UTF-8");
  expect_says(error("path,label\ncat,cat\n"), "'cat' is a folder");
  expect_says(error("path,label\na\x1b[31m.jpg,cat\n"), R"('a\x1b[31m.jpg')");
}

TEST_F(CsvManifest, OtherFilesAreRefusedByTheirKind) {
  expect_says(error("PK\x03\x04zip"), "is a zip archive");
  expect_says(error("\x1f\x8bgzip"), "is an archive");
  expect_says(error("{\"images\": []}"), "is JSON");
  expect_says(error("\xFF\xD8\xFF"), "is a picture");
  expect_says(error(std::string("path\0,", 6)), "is no text");
  folder_.write("x.xlsx", "PK\x03\x04");
  expect_says(error_of(folder_ / "x.xlsx"), "a workbook of Excel's");
}

TEST_F(CsvManifest, AFileIsListedOnceUnderAnySpelling) {
  const std::string all = "path,label\n" + lines(",");
  const std::string whole = std::filesystem::absolute(folder_.path()).string() + "/cat/0.jpg";
  for (const std::string& again : {whole, std::string("./cat//0.jpg"), std::string("x/0.jpg")}) {
    std::error_code there;
    std::filesystem::create_directory_symlink("cat", folder_ / "x", there);
    const std::string message = error(all + again + ",dog\n");
    expect_says(message, "was listed before, at ");
    expect_says(message, "m.csv:2");
  }
  std::filesystem::create_symlink("0.jpg", folder_ / "cat/link.jpg");
  expect_says(error(all + "cat/link.jpg,dog\n"), "as 'cat/0.jpg'");
  EXPECT_EQ(load(all + "cat/link.jpg,cat\n").items.size(), 7U);  // treated as a copy
}

TEST_F(CsvManifest, AHeaderAloneIsSaid) {
  expect_says(error("path,label\n"), "add a line for each image");
}

TEST(Table, SeparatorsInQuotesDoNotCount) {
  const Table table = parse_table("\"a;b;c;d\",\"x\"\n1,2\n", "f.csv");
  EXPECT_EQ(table.separator, ',');
  EXPECT_EQ(table.rows[0].fields, (std::vector<std::string>{"a;b;c;d", "x"}));
  EXPECT_EQ(parse_table("sep=;\na,b,c;d\n", "f.csv").rows[0].line, 2);
  EXPECT_TRUE(parse_table("", "f.csv").rows.empty());
  EXPECT_EQ(parse_table("a\tb\t\n\t\t\n1\t\t3\n", "f.csv").rows.size(), 2U);
}

}  // namespace
}  // namespace retort::data
