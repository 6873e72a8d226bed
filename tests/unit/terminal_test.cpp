// What the command line shows, and what it reads.
#include "apps/terminal.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <ostream>
#include <sstream>
#include <string>

#include "apps/photo_files.hpp"
#include "apps/standard_output.hpp"
#include "support/temp_dir.hpp"

namespace classifier {
namespace {

using ::testing::ElementsAre;
using testing::TempDir;

TEST(Terminal, WidthsAreThoseOfTheScreen) {
  EXPECT_EQ(display_width("cat"), 3U);
  EXPECT_EQ(display_width("猫"), 2U);
  EXPECT_EQ(display_width("🐱"), 2U);
  EXPECT_EQ(display_width("e\u0301"), 1U);  // a letter and a combining accent
  EXPECT_EQ(display_width("كلب"), 3U);
}

TEST(Terminal, TextIsPaddedOrShortenedToTheColumns) {
  EXPECT_EQ(fit("cat", 5), "cat  ");
  EXPECT_EQ(fit("猫", 5), "猫   ");
  EXPECT_EQ(fit("IMG_20260101_123456.jpg", 12), "IMG_202….jpg");
  for (std::size_t width = 0; width < 12; ++width) {
    EXPECT_EQ(display_width(fit("猫猫猫猫猫猫猫猫", width)), width);
    EXPECT_EQ(display_width(fit("holiday photo.jpg", width)), width);
  }
}

TEST(Terminal, TextIsWrappedAtSpaces) {
  EXPECT_THAT(wrapped("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(wrapped("one", 2), ElementsAre("one"));
  EXPECT_THAT(wrapped("a incomprehensible b", 5), ElementsAre("a", "incomprehensible", "b"));
  EXPECT_THAT(wrapped("猫 猫 猫", 5), ElementsAre("猫 猫", "猫"));
  EXPECT_THAT(wrapped("", 5), ElementsAre());
}

TEST(Terminal, NothingControlsTheTerminal) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(printable("line\nbreak\x7f"), "line\\x0abreak\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");  // U+009B begins a sequence as well
  EXPECT_EQ(printable("latin1 \xe9"), "latin1 \\xe9");
  EXPECT_EQ(printable("Zoë 猫 🐱"), "Zoë 猫 🐱");
}

TEST(Terminal, FiguresForPeople) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1'234'567), "1.2 MB");
  EXPECT_EQ(human_bytes(999'999'999), "1.0 GB");
  EXPECT_EQ(human_duration(59.4), "59 s");
  EXPECT_EQ(human_duration(200), "3 min 20 s");
  EXPECT_EQ(human_duration(7'500), "2 h 5 min");
  EXPECT_EQ(bar(0.5, 4), "██  ");
  EXPECT_EQ(bar(0.5625, 2), "█▏");
  EXPECT_EQ(bar(7, 2), "██");
}

TEST(Terminal, TablesAlignWideCharacters) {
  Table table({"NAME", "N"});
  table.add({"猫", "1"});
  table.add({"a\nb", "2"});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(),
            "NAME    N\n"
            "猫      1\n"
            "a\\x0ab  2\n");
}

TEST(Terminal, TablesHaveHeadings) {
  Table table({"NAME", "N"});
  table.add_heading("A group with a long name");
  table.add({"a", "1"});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(),
            "NAME  N\n"
            "\n"
            "A group with a long name\n"
            "a     1\n");
}

TEST(DescriptorBuffer, WritesEverythingInOrder) {
  const TempDir folder;
  const std::string file = (folder.path() / "out").string();
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT, 0600);
  std::string expected;
  {
    DescriptorBuffer buffer(descriptor);
    std::ostream out(&buffer);
    for (int i = 0; i < 50'000; ++i) {  // several times its size
      out << i << "\n";
      expected += std::to_string(i) + "\n";
    }
    out.flush();
    EXPECT_EQ(buffer.error(), 0);
  }
  ::close(descriptor);
  std::ifstream in(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), expected);
}

TEST(DescriptorBuffer, KnowsWhyAWriteFailed) {
  const int descriptor = ::open("/dev/full", O_WRONLY);
  DescriptorBuffer buffer(descriptor);
  std::ostream out(&buffer);
  out << "lost" << std::flush;
  EXPECT_FALSE(out);
  EXPECT_EQ(buffer.error(), ENOSPC);
  ::close(descriptor);
}

TEST(DescriptorBufferDeathTest, AClosedPipeEndsTheProcessQuietly) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        int ends[2];
        if (::pipe(ends) != 0) std::_Exit(1);
        ::close(ends[0]);
        std::signal(SIGPIPE, SIG_IGN);
        DescriptorBuffer buffer(ends[1]);
        std::ostream out(&buffer);
        out << "nobody reads this" << std::flush;
        std::_Exit(2);
      },
      ::testing::KilledBySignal(SIGPIPE), "^$");
}

class PhotoFiles : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text = "x") const {
    std::filesystem::create_directories((folder_.path() / name).parent_path());
    std::ofstream(folder_.path() / name) << text;
  }
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  TempDir folder_;
};

TEST_F(PhotoFiles, FoldersGiveTheirImagesSorted) {
  write("b.JPG");
  write("a/x.png");
  write("notes.txt");
  write(".hidden.jpg");
  write(".git/object.jpg");
  EXPECT_THAT(*find_photos({folder_.path().string()}), ElementsAre(at("a/x.png"), at("b.JPG")));
  // A file that is named is taken whatever its name.
  EXPECT_THAT(*find_photos({at("notes.txt")}), ElementsAre(at("notes.txt")));
}

TEST_F(PhotoFiles, WhatIsNotThereIsSaid) {
  EXPECT_EQ(find_photos({at("none")}).error().message, "there is no file or folder " + at("none"));
  EXPECT_EQ(find_photos({folder_.path().string()}).error().code, ErrorCode::kNotFound);
}

// A file by its path within the folder, and what it is.
using Passed = std::map<std::string, FileKind>;

TEST_F(PhotoFiles, WhatIsPassedOverIsTold) {
  const std::string jpeg = "\xFF\xD8\xFF\xE0 and so on";
  write("IMG_0001.HEIC");
  write("IMG_0001.MOV");
  write("IMG_0001.AAE");
  write("without ending", jpeg);
  write("wrong.txt", jpeg);
  write("video.THM", jpeg);
  write("README", "some words");
  write("none.jpg", "");
  write("._IMG_0001.HEIC");
  write("@eaDir/IMG_0001.HEIC/thumb.jpg");
  write(".hidden/a.jpg");
  write("2026/a.jpg");
  const auto link = [&](const char* to, const char* from) {
    std::filesystem::create_symlink(to, folder_.path() / from);
  };
  link("nowhere", "broken.jpg");
  link("loop.jpg", "loop.jpg");
  link("2026", "link");
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  Passed passed;
  const auto found = find_photos(
      {folder_.path().string()},
      {.unreadable = {},
       .passed_over =
           [&](const std::string& path, FileKind kind) {
             passed[std::filesystem::path(path).lexically_relative(folder_.path())] = kind;
           },
       .looked_at = {}});
  EXPECT_THAT(*found, ElementsAre(at("2026/a.jpg"), at("IMG_0001.HEIC"), at("without ending"),
                                  at("wrong.txt")));
  EXPECT_EQ(passed, (Passed{{"IMG_0001.MOV", FileKind::kVideo},
                            {"IMG_0001.AAE", FileKind::kSidecar},
                            {"video.THM", FileKind::kSidecar},
                            {"README", FileKind::kText},
                            {"none.jpg", FileKind::kEmpty},
                            {"._IMG_0001.HEIC", FileKind::kToolFile},
                            {"@eaDir", FileKind::kToolFolder},
                            {".hidden", FileKind::kHiddenFolder},
                            {"broken.jpg", FileKind::kBrokenLink},
                            {"loop.jpg", FileKind::kLinkLoop},
                            {"link", FileKind::kFolderLink},
                            {"pipe", FileKind::kSpecial}}));
  // What is named itself is not passed over.
  EXPECT_THAT(*find_photos({at("IMG_0001.MOV"), at("@eaDir")}),
              ElementsAre(at("IMG_0001.MOV"), at("@eaDir/IMG_0001.HEIC/thumb.jpg")));
}

TEST_F(PhotoFiles, AFolderWithoutImagesSaysWhatItHas) {
  const std::string folder = folder_.path().string();
  EXPECT_EQ(find_photos({folder}).error().message,
            "no images were found in " + folder + ": there are no files");
  write("a.mov");
  write("b.mov");
  write("a.aae");
  EXPECT_EQ(find_photos({folder}).error().message,
            "no images were found in " + folder + "; passed over: 2 videos, 1 sidecar file");
}

TEST_F(PhotoFiles, ASearchCanBeEnded) {
  for (const auto* const name : {"a.jpg", "b.jpg", "c.jpg"}) write(name);
  int looked_at = 0;
  EXPECT_FALSE(find_photos(
      {folder_.path().string()},
      {.unreadable = {}, .passed_over = {}, .looked_at = [&] { return ++looked_at < 2; }}));
  EXPECT_EQ(looked_at, 2);
}

TEST_F(PhotoFiles, ListsAreOfLinesOrSeparatedByNul) {
  using namespace std::string_view_literals;
  EXPECT_THAT(files_in_list("a.jpg\nb c.jpg\n"), ElementsAre("a.jpg", "b c.jpg"));
  EXPECT_THAT(files_in_list("\xef\xbb\xbf"
                            "a.jpg\r\n\r\n b.jpg \r\nc.jpg"),
              ElementsAre("a.jpg", "b.jpg", "c.jpg"));
  EXPECT_THAT(files_in_list("a\nb.jpg\0 c.jpg\r\0\xe9.jpg"sv),
              ElementsAre("a\nb.jpg", " c.jpg\r", "\xe9.jpg"));
  EXPECT_THAT(files_in_list(""), ElementsAre());
  write(" spaces ");
  EXPECT_THAT(files_in_list(at(" spaces ") + "\n"), ElementsAre(at(" spaces ")));
}

TEST_F(PhotoFiles, LabelsOfListAndFile) {
  write("labels.txt", "beach, sunny\n\n  owl \r\n");
  EXPECT_THAT(*read_labels("cat, dog", ""), ElementsAre("cat", "dog"));
  EXPECT_THAT(*read_labels("cat", at("labels.txt")), ElementsAre("cat", "beach, sunny", "owl"));
  EXPECT_THAT(*read_labels("", ""), ElementsAre());
  // An empty label is kept: whoever checks labels tells the user.
  EXPECT_THAT(*read_labels("cat,,dog", ""), ElementsAre("cat", "", "dog"));
  EXPECT_FALSE(read_labels("", at("none.txt")));
  write("blank.txt", "\n\n");
  EXPECT_FALSE(read_labels("", at("blank.txt")));
}

}  // namespace
}  // namespace classifier
