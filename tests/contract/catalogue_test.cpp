// The promises of ports/catalogue.hpp, checked against a plain list in memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "adapters/embedded/sqlite_catalogue.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"
#include "support/collation.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

TimePoint day(int number) { return TimePoint{std::chrono::days{20'000 + number}}; }

class CatalogueTest : public ::testing::Test {
 protected:
  CatalogueTest() : folder_(fs::temp_directory_path() / ("catalogue-" + random_hex(8))) {
    fs::create_directories(folder_);
    open();
  }
  ~CatalogueTest() override { fs::remove_all(folder_); }

  void open() {
    catalogue_.reset();
    database_.reset();
    database_ = SqliteDatabase::open(folder_ / "jobs.sqlite").value();
    catalogue_ = std::make_unique<SqliteCatalogue>(*database_);
  }

  static CatalogueEntry entry(const std::string& key, const std::string& name = "") {
    CatalogueEntry made;
    made.key = key;
    made.name = name;
    made.size = 100;
    made.last_modified = made.uploaded_at = day(1);
    made.etag = "e-" + key;
    made.sha256 = sha256_hex(key);
    made.facts = {.content_type = "image/jpeg", .width = 4, .height = 3, .taken_at = day(2)};
    return made;
  }

  void put(const CatalogueEntry& made) { ASSERT_TRUE(catalogue_->put({&made, 1})); }

  std::vector<std::string> keys(const ImageFilter& filter, ImageOrder order = ImageOrder::kKey,
                                std::int64_t offset = 0, std::size_t limit = 1'000) {
    const auto page = catalogue_->list(filter, order, offset, limit);
    std::vector<std::string> result;
    for (const auto& each : page.value().entries) result.push_back(each.key);
    return result;
  }
  std::vector<std::string> found(const std::string& words) {
    ImageFilter filter;
    filter.words = words;
    return keys(filter);
  }
  std::vector<std::string> in_folder(const std::string& folder) {
    ImageFilter filter;
    filter.folder = folder;
    return keys(filter);
  }

  using Keys = std::vector<std::string>;
  fs::path folder_;
  std::unique_ptr<SqliteDatabase> database_;
  std::unique_ptr<SqliteCatalogue> catalogue_;
};

TEST_F(CatalogueTest, KeepsWhatIsKnown) {
  auto made = entry("uploads/a.jpg", "2024/Strand/Été 1.jpg");
  made.batch = "holiday";
  put(made);
  open();
  const auto found = catalogue_->find(Keys{"uploads/a.jpg", "uploads/b.jpg"}).value();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].key, made.key);
  EXPECT_EQ(found[0].name, made.name);
  EXPECT_EQ(found[0].batch, "holiday");
  EXPECT_EQ(found[0].size, 100U);
  EXPECT_EQ(found[0].etag, made.etag);
  EXPECT_EQ(found[0].sha256, made.sha256);
  EXPECT_EQ(found[0].uploaded_at, day(1));
  EXPECT_EQ(found[0].facts.taken_at, day(2));
  EXPECT_EQ(found[0].facts.content_type, "image/jpeg");
  EXPECT_EQ(found[0].facts.width, 4);
  EXPECT_EQ(found[0].facts.height, 3);
}

TEST_F(CatalogueTest, AnnouncedNamesBecomePartOfTheEntry) {
  ASSERT_TRUE(catalogue_->announce("a.jpg", "../../Ferien/\nBild.jpg", "b1", day(0)));
  EXPECT_TRUE(keys({}).empty());
  put(entry("a.jpg"));
  EXPECT_EQ(catalogue_->find(Keys{"a.jpg"}).value()[0].name, "../../Ferien/\nBild.jpg");
  EXPECT_EQ(catalogue_->find(Keys{"a.jpg"}).value()[0].batch, "b1");
  put(entry("a.jpg"));  // looked at again
  EXPECT_EQ(catalogue_->find(Keys{"a.jpg"}).value()[0].name, "../../Ferien/\nBild.jpg");
  ASSERT_TRUE(catalogue_->announce("b.jpg", "B.jpg", "", day(0)));
  ASSERT_TRUE(catalogue_->forget_announced(day(1)));
  put(entry("b.jpg"));
  EXPECT_EQ(catalogue_->find(Keys{"b.jpg"}).value()[0].name, "b.jpg");
}

TEST_F(CatalogueTest, WordsAreFoundWithoutRegardToCaseAndAccents) {
  put(entry("1", "Italien 2023/Überraschung am Strand/IMG_0001.JPG"));
  put(entry("2", "italien/cafe\u0301.jpg"));  // NFD
  put(entry("3", "Italien/caf\u00e9.png"));   // NFC
  put(entry("4", "猫/写真.jpg"));
  EXPECT_EQ(found("italien"), (Keys{"1", "2", "3"}));
  EXPECT_EQ(found("ITAL cafe"), (Keys{"2", "3"}));
  EXPECT_EQ(found("CAFÉ"), (Keys{"2", "3"}));
  EXPECT_EQ(found("uberr"), (Keys{"1"}));
  EXPECT_EQ(found("img 0001"), (Keys{"1"}));
  EXPECT_EQ(found("写"), (Keys{"4"}));
  EXPECT_EQ(found("\"'*) OR NEAR(("), Keys{});
  EXPECT_EQ(found("  "), (Keys{"1", "2", "3", "4"}));
  for (const char* const none : {"-- \" ", "!!!", "\u2013", "\U0001F600"})
    EXPECT_EQ(found(none), Keys{}) << none;
  // Separators beyond ASCII, within a word for whoever types it.
  put(entry("5", "l\u2019\u00e9t\u00e9/a\u202fb\u3001c\U0001F600d\u00ade.jpg"));
  EXPECT_EQ(found("l\u2019\u00e9t\u00e9"), (Keys{"5"}));
  EXPECT_EQ(found("a\u202fb\u3001c\U0001F600d\u00ade"), (Keys{"5"}));
  EXPECT_EQ(found("spiaggia"), Keys{});
}

TEST_F(CatalogueTest, SeparatorsAndThousandsMarksDoNotMatter) {
  put(entry("1", "beach-day.jpg"));
  put(entry("2", "Beach_Day.jpg"));
  put(entry("3", "BEACH DAY.jpg"));
  put(entry("4", "beachday.jpg"));
  for (const char* const words : {"beach-day", "beach_day", "beach day", "day beach", "BEACH,DAY"})
    EXPECT_EQ(found(words), (Keys{"1", "2", "3"})) << words;
  EXPECT_EQ(found("beach"), (Keys{"1", "2", "3", "4"}));

  put(entry("a", "Fund 1,234.jpg"));
  put(entry("b", "fund 1234.jpg"));
  put(entry("c", "Fund 1.234.567 Euro.jpg"));
  put(entry("d", "fund 1234567.jpg"));
  put(entry("e", "fund 1\u202f234m.jpg"));
  put(entry("f", "1/fund 234.jpg"));  // two numbers
  put(entry("g", "fund 12,34.jpg"));
  for (const char* const number : {"1234", "fund 1234"})
    EXPECT_EQ(found(number), (Keys{"a", "b", "c", "d", "e"})) << number;
  for (const char* const number : {"1,234", "1.234", "1'234", "1\u2019234 Fund"}) {
    // Its words too, as for any other separator.
    EXPECT_EQ(found(number), (Keys{"a", "b", "c", "d", "e", "f"})) << number;
  }
  for (const char* const number : {"1234567", "1,234,567", "1.234.567"})
    EXPECT_EQ(found(number), (Keys{"c", "d"})) << number;
  EXPECT_EQ(found("12,34"), (Keys{"g"}));
  EXPECT_EQ(found("1,234 xyz"), Keys{});
  EXPECT_EQ(found("1234 xyz"), Keys{});
  EXPECT_EQ(found("123456789012345678901234567890"), Keys{});
}

TEST_F(CatalogueTest, BatchesAndMonthsAreCounted) {
  auto made = entry("1");
  made.batch = "a";
  made.facts.taken_at = parse_rfc3339("2024-07-31T23:59:59.999Z");
  put(made);
  made = entry("2");
  made.batch = "a";
  made.uploaded_at = day(3);
  made.facts.taken_at = parse_rfc3339("2024-08-01T00:00:00Z");
  put(made);
  made = entry("3");
  made.batch = "b";
  made.uploaded_at = day(2);
  made.facts.taken_at = parse_rfc3339("1969-12-31T23:59:59.999Z");
  put(made);
  made = entry("4");
  made.facts.taken_at = std::nullopt;
  put(made);
  using Rows = std::vector<std::tuple<std::string, std::int64_t, TimePoint, TimePoint>>;
  const auto batches = [&](const std::optional<BatchCount>& after = {}, std::size_t limit = 100) {
    Rows rows;
    const auto page = catalogue_->batches(after, limit).value();
    for (const auto& each : page)
      rows.emplace_back(each.batch, each.images, each.first_uploaded, each.last_uploaded);
    return rows;
  };
  const auto months = [&] {
    std::vector<std::pair<std::string, std::int64_t>> rows;
    const auto counts = catalogue_->months().value();
    for (const auto& each : counts) rows.emplace_back(each.month, each.images);
    return rows;
  };
  using Months = std::vector<std::pair<std::string, std::int64_t>>;
  EXPECT_EQ(batches(), (Rows{{"a", 2, day(1), day(3)}, {"b", 1, day(2), day(2)}}));
  EXPECT_EQ(batches({}, 1), (Rows{{"a", 2, day(1), day(3)}}));
  EXPECT_EQ(
      batches(BatchCount{.batch = "a", .images = 0, .first_uploaded = {}, .last_uploaded = day(3)}),
      (Rows{{"b", 1, day(2), day(2)}}));
  EXPECT_EQ(months(), (Months{{"2024-08", 1}, {"2024-07", 1}, {"1969-12", 1}, {"", 1}}));
  ImageFilter undated;
  undated.undated = true;
  for (const auto order : {ImageOrder::kKey, ImageOrder::kTaken, ImageOrder::kNewest})
    EXPECT_EQ(keys(undated, order), Keys{"4"});

  ASSERT_TRUE(catalogue_->remove(Keys{"2", "4"}));
  EXPECT_EQ(batches(), (Rows{{"b", 1, day(2), day(2)}, {"a", 1, day(1), day(1)}}));
  EXPECT_EQ(months(), (Months{{"2024-07", 1}, {"1969-12", 1}}));
  made = entry("3");  // replaced
  made.etag = "another";
  made.batch = "a";
  made.uploaded_at = day(9);
  put(made);
  EXPECT_EQ(batches(), (Rows{{"a", 2, day(1), day(9)}}));
  ASSERT_TRUE(catalogue_->remove(Keys{"1", "3"}));
  EXPECT_TRUE(batches().empty());
  EXPECT_TRUE(months().empty());
}

TEST_F(CatalogueTest, FoldersHoldWhatIsBelowThem) {
  put(entry("1", "a/b/x.jpg"));
  put(entry("2", "a/x.jpg"));
  put(entry("3", "ab/x.jpg"));
  put(entry("4", "x.jpg"));
  EXPECT_EQ(in_folder("a"), (Keys{"1", "2"}));
  EXPECT_EQ(in_folder("a/b"), (Keys{"1"}));
  EXPECT_EQ(in_folder("A"), Keys{});
  EXPECT_EQ(in_folder(""), (Keys{"1", "2", "3", "4"}));
  const auto folders = catalogue_->folders({}, 100).value();
  ASSERT_EQ(folders.size(), 4U);
  EXPECT_EQ(folders[0].folder, "");
  EXPECT_EQ(folders[1].folder, "a");
  EXPECT_EQ(folders[2].folder, "a/b");
  EXPECT_EQ(folders[3].folder, "ab");
  EXPECT_EQ(folders[1].images, 1);
  EXPECT_EQ(catalogue_->folders("a", 1).value().at(0).folder, "a/b");
  ASSERT_TRUE(catalogue_->remove(Keys{"3", "none"}));
  EXPECT_EQ(catalogue_->folders({}, 100).value().size(), 3U);
}

TEST_F(CatalogueTest, NamesAreOrderedAsPeopleExpect) {
  put(entry("1", "img 10.jpg"));
  put(entry("2", "IMG 2.jpg"));
  put(entry("3", "Ähre.jpg"));
  put(entry("4", "azur.jpg"));
  put(entry("5", "zebra.jpg"));
  EXPECT_EQ(keys({}, ImageOrder::kName), (Keys{"3", "4", "2", "1", "5"}));
}

TEST_F(CatalogueTest, TheVersionChangesWithEachChange) {
  const auto before = catalogue_->version().value();
  EXPECT_EQ(catalogue_->version().value(), before);
  put(entry("a"));
  const auto after = catalogue_->version().value();
  EXPECT_NE(after, before);
  EXPECT_EQ(catalogue_->list({}, ImageOrder::kKey, 0, 1).value().version, after);
  ASSERT_TRUE(catalogue_->remove(Keys{"b"}));
  EXPECT_EQ(catalogue_->version().value(), after);
  ASSERT_TRUE(catalogue_->remove(Keys{"a"}));
  EXPECT_NE(catalogue_->version().value(), after);
}

TEST_F(CatalogueTest, AnEntryWithoutContentTakesNothingAway) {
  put(entry("a", "x/a.jpg"));
  auto looked_at = entry("a");
  looked_at.sha256.clear();
  looked_at.facts = {};
  put(looked_at);
  EXPECT_EQ(catalogue_->find(Keys{"a"}).value()[0].facts.width, 4);
  EXPECT_EQ(catalogue_->find(Keys{"a"}).value()[0].sha256, sha256_hex("a"));
  looked_at.etag = "another file";
  put(looked_at);
  EXPECT_EQ(catalogue_->find(Keys{"a"}).value()[0].facts.width, 0);
  EXPECT_EQ(catalogue_->find(Keys{"a"}).value()[0].sha256, "");
  EXPECT_EQ(catalogue_->find(Keys{"a"}).value()[0].name, "x/a.jpg");
}

TEST_F(CatalogueTest, KnowsWhetherAContentIsThere) {
  auto one = entry("a");
  auto two = entry("b");
  two.sha256 = one.sha256;
  put(one);
  put(two);
  EXPECT_TRUE(catalogue_->has_content(one.sha256).value());
  ASSERT_TRUE(catalogue_->remove(Keys{"a"}));
  EXPECT_TRUE(catalogue_->has_content(one.sha256).value());
  ASSERT_TRUE(catalogue_->remove(Keys{"b"}));
  EXPECT_FALSE(catalogue_->has_content(one.sha256).value());
  EXPECT_FALSE(catalogue_->has_content("").value());
}

TEST_F(CatalogueTest, StrangeNamesAreText) {
  put(entry("1", std::string(1'000, 'x') + "/" + std::string(1'000, 'y')));
  put(entry("2", "a\r\nb/c\td.jpg"));
  put(entry("3", "/"));
  put(entry("4", "\xff\xfe.jpg"));
  EXPECT_EQ(keys({}).size(), 4U);
  EXPECT_EQ(in_folder(std::string(1'000, 'x')), (Keys{"1"}));
  EXPECT_EQ(catalogue_->find(Keys{"4"}).value()[0].name, "\xff\xfe.jpg");
}

// All orders, windows and filters against a plain list, while entries come, change and go.
TEST_F(CatalogueTest, EveryWindowIsThatOfAPlainList) {
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp)
  const auto upto = [&](int limit) {
    return static_cast<int>(random() % static_cast<unsigned>(limit));
  };
  std::map<std::string, CatalogueEntry> plain;
  const auto change = [&](int count) {
    std::vector<CatalogueEntry> added;
    Keys removed;
    for (int i = 0; i < count; ++i) {
      const std::string key = "k/" + std::to_string(upto(9'000));
      if (upto(4) == 0) {
        plain.erase(key);
        std::erase_if(added, [&](const auto& each) { return each.key == key; });
        removed.push_back(key);
        continue;
      }
      auto made = entry(key, "f" + std::to_string(upto(5)) + "/n" + std::to_string(upto(500)));
      made.etag = random_hex(8);
      made.size = static_cast<std::uint64_t>(upto(50));
      made.uploaded_at = day(upto(3'000));
      made.facts.taken_at = upto(5) == 0 ? std::nullopt : std::optional(day(upto(900)));
      made.batch = upto(3) == 0 ? "b" : "c";
      plain[key] = made;
      std::erase(removed, key);
      std::erase_if(added, [&](const auto& each) { return each.key == key; });
      added.push_back(made);
    }
    ASSERT_TRUE(catalogue_->remove(removed));
    ASSERT_TRUE(catalogue_->put(added));
  };
  const auto expect_same = [&](const ImageFilter& filter, ImageOrder order) {
    std::vector<const CatalogueEntry*> wanted;
    for (const auto& [key, each] : plain) {
      const auto taken = each.facts.taken_at;
      if (!key.starts_with(filter.prefix)) continue;
      if (filter.folder && !each.name.starts_with(*filter.folder + "/")) continue;
      if (!filter.words.empty() && each.name.find("/" + filter.words) == std::string::npos)
        continue;
      if (!filter.batch.empty() && each.batch != filter.batch) continue;
      if (filter.taken_from && !(taken && *taken >= *filter.taken_from)) continue;
      if (filter.taken_to && !(taken && *taken <= *filter.taken_to)) continue;
      if (filter.undated && taken) continue;
      wanted.push_back(&each);
    }
    const auto value = [&](const CatalogueEntry& each) -> std::string {
      const auto number = [](std::int64_t n) { return std::to_string(1'000'000'000'000'000 + n); };
      switch (order) {
        case ImageOrder::kKey:
          return each.key;
        case ImageOrder::kNewest:
        case ImageOrder::kOldest:
          return number(to_ms(each.uploaded_at));
        case ImageOrder::kName:
          return collation_key(each.name);
        case ImageOrder::kTaken:
          return each.facts.taken_at ? number(to_ms(*each.facts.taken_at)) : "0";
        case ImageOrder::kSize:
          return number(static_cast<std::int64_t>(each.size));
      }
      return "";
    };
    const bool falling =
        order == ImageOrder::kNewest || order == ImageOrder::kTaken || order == ImageOrder::kSize;
    std::ranges::stable_sort(wanted, [&](const auto* a, const auto* b) {
      return falling ? value(*a) > value(*b) : value(*a) < value(*b);
    });
    const auto total = static_cast<std::int64_t>(wanted.size());
    for (const std::int64_t offset : {std::int64_t{0}, total / 2, total - 7, total, total + 5}) {
      if (offset < 0) continue;
      const auto page = catalogue_->list(filter, order, offset, 20).value();
      ASSERT_EQ(page.total, total);
      const auto expected = std::clamp<std::int64_t>(total - offset, 0, 20);
      ASSERT_EQ(static_cast<std::int64_t>(page.entries.size()), expected);
      for (std::size_t i = 0; i < page.entries.size(); ++i) {
        const auto& other = *wanted[static_cast<std::size_t>(offset) + i];
        // Entries with equal values may be in any order.
        ASSERT_EQ(value(page.entries[i]), value(other))
            << "place " << offset + i << " of " << total;
      }
    }
    // All of it, each once.
    Keys all;
    ASSERT_TRUE(catalogue_->visit(filter, order, [&](auto piece) -> Result<void> {
      all.insert(all.end(), piece.begin(), piece.end());
      return {};
    }));
    Keys others;
    for (const auto* each : wanted) others.push_back(each->key);
    std::ranges::sort(all);
    std::ranges::sort(others);
    ASSERT_EQ(all, others);
  };
  for (int round = 0; round < 4; ++round) {
    change(4'000);
    for (const auto order : {ImageOrder::kKey, ImageOrder::kNewest, ImageOrder::kOldest,
                             ImageOrder::kName, ImageOrder::kTaken, ImageOrder::kSize}) {
      ImageFilter all;
      ImageFilter prefix;
      prefix.prefix = "k/12";
      ImageFilter folder;
      folder.folder = "f1";
      ImageFilter words;
      words.words = "n1";
      ImageFilter batch;
      batch.batch = "c";
      ImageFilter taken;
      taken.taken_from = day(100);
      taken.taken_to = day(700);
      ImageFilter several = taken;
      several.folder = "f2";
      several.batch = "b";
      several.prefix = "k/";
      ImageFilter undated;
      undated.undated = true;
      ImageFilter undated_folder = undated;
      undated_folder.folder = "f3";
      for (const auto& filter :
           {all, prefix, folder, words, batch, taken, several, undated, undated_folder})
        ASSERT_NO_FATAL_FAILURE(expect_same(filter, order)) << "order " << static_cast<int>(order);
    }
    std::map<std::string, std::int64_t> batches;
    std::map<std::string, std::int64_t> months;
    for (const auto& [key, each] : plain) {
      ++batches[each.batch];
      ++months[each.facts.taken_at ? to_rfc3339(*each.facts.taken_at).substr(0, 7) : ""];
    }
    const auto counts = catalogue_->batches({}, 100).value();
    EXPECT_EQ(counts.size(), batches.size());
    for (const auto& each : counts) EXPECT_EQ(each.images, batches[each.batch]);
    const auto counted = catalogue_->months().value();
    EXPECT_EQ(counted.size(), months.size());
    for (const auto& each : counted) EXPECT_EQ(each.images, months[each.month]) << each.month;
  }
}

}  // namespace
}  // namespace classifier
