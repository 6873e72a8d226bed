#include "apps/config.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "apps/memory_plan.hpp"
#include "support/temp_dir.hpp"

namespace classifier {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Environment variables for the time of one test.
class ConfigTest : public ::testing::Test {
 protected:
  ~ConfigTest() override {
    for (const auto& name : set_) ::unsetenv(name.c_str());
  }
  void set(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
    set_.push_back(name);
  }
  static Result<Config> load(const std::map<std::string, std::string>& flags = {}) {
    return load_config([&](const std::string& variable) -> std::optional<std::string> {
      const auto flag = flags.find(variable);
      if (flag == flags.end()) return std::nullopt;
      return flag->second;
    });
  }

 private:
  std::vector<std::string> set_;
};

TEST_F(ConfigTest, FlagsBeatTheEnvironmentWhichBeatsDefaults) {
  EXPECT_EQ(load()->port, 8080);
  set("PORT", "9000");
  EXPECT_EQ(load()->port, 9000);
  EXPECT_EQ(load({{"PORT", "9001"}})->port, 9001);
}

TEST_F(ConfigTest, AnEmptyVariableIsAnUnsetOne) {
  set("PORT", "");
  EXPECT_EQ(load()->port, 8080);
  EXPECT_FALSE(load({{"PORT", ""}}));
}

TEST_F(ConfigTest, ErrorsNameVariableValueAndWhatIsAllowed) {
  set("VISIBILITY_TIMEOUT", "4");
  EXPECT_EQ(load().error().message,
            "VISIBILITY_TIMEOUT is \"4\", but must be a whole number from 5 to 43200");
  EXPECT_THAT(load({{"VISIBILITY_TIMEOUT", "60s"}}).error().message,
              HasSubstr("--visibility-timeout is \"60s\""));
}

TEST_F(ConfigTest, NumbersOutOfRangeAreRefused) {
  for (const char* const value : {"65536", "-1", "80.5", " 80", "0x50", "99999999999999999999"})
    EXPECT_FALSE(load({{"PORT", value}})) << value;
}

TEST_F(ConfigTest, ListsAreSplitAtCommas) {
  EXPECT_THAT(load({{"ALLOWED_ORIGINS", "http://a, http://b,,"}})->allowed_origins,
              ElementsAre("http://a", "http://b"));
}

TEST_F(ConfigTest, KeysMayHaveNamesAndRolesAndAreNotShown) {
  const auto keys = load({{"API_KEYS", "one, ci:read:two,,"}})->api_keys;
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].secret, "one");
  EXPECT_EQ(keys[1].name, "ci");
  EXPECT_EQ(keys[1].secret, "two");
  const std::string said = load({{"API_KEYS", "ci:reed:very-secret"}}).error().message;
  EXPECT_THAT(said, HasSubstr("--api-keys is not valid, but must be"));
  EXPECT_THAT(said, ::testing::Not(HasSubstr("very-secret")));
}

TEST_F(ConfigTest, RatesAreLimitedOnlyWhereOthersCanCall) {
  EXPECT_EQ(load()->rate_limit_address, 0);
  EXPECT_EQ(load({{"BIND_ADDRESS", "0.0.0.0"}})->rate_limit_address, 1'000);
  EXPECT_EQ(load({{"BIND_ADDRESS", "0.0.0.0"}, {"RATE_LIMIT", "0"}})->rate_limit, 0);
  EXPECT_EQ(load({{"RATE_LIMIT", "5"}})->rate_limit, 5);
  EXPECT_FALSE(load({{"TRUSTED_PROXIES", "10.0.0.0/8,proxy.example"}}));
  EXPECT_EQ(load({{"TRUSTED_PROXIES", "10.0.0.0/8, ::1"}})->trusted_proxies.size(), 2U);
}

TEST_F(ConfigTest, ThePublicAddressHasAScheme) {
  for (const std::string url : {"http://localhost:8080", "https://photos.example.com/api"})
    EXPECT_EQ(load({{"PUBLIC_BASE_URL", url}})->public_base_url, url);
  for (const char* const url : {"", "photos.example.com", "ftp://photos.example.com", "https://"})
    EXPECT_FALSE(load({{"PUBLIC_BASE_URL", url}})) << url;
  set("PUBLIC_BASE_URL", "photos.example.com");
  EXPECT_EQ(load().error().message,
            "PUBLIC_BASE_URL is \"photos.example.com\", but must be a URL that begins with http:// "
            "or https://");
}

TEST_F(ConfigTest, CertificateAndKeyComeTogether) {
  EXPECT_THAT(load({{"TLS_CERT", "a.pem"}}).error().message, HasSubstr("without TLS_KEY"));
  EXPECT_TRUE(load({{"TLS_CERT", "a.pem"}, {"TLS_KEY", "b.pem"}}));
}

TEST_F(ConfigTest, TheKeyFileIsWithTheDataUnlessOnAws) {
  set("XDG_DATA_HOME", "/data");
  EXPECT_EQ(load()->api_keys_file, "/data/distributed-classifier/api-keys.json");
  EXPECT_FALSE(load()->api_keys_file_is_set);
  EXPECT_EQ(load({{"DYNAMODB_TABLE", "t"}, {"REQUEST_QUEUE_URL", "r"}, {"STATUS_QUEUE_URL", "s"}})
                ->api_keys_file,
            "");
}

TEST_F(ConfigTest, DataGoesIntoTheUsersDataFolder) {
  set("XDG_DATA_HOME", "/data");
  EXPECT_EQ(load()->data_dir, "/data/distributed-classifier");
}

TEST_F(ConfigTest, WorkersAreTheCores) { EXPECT_EQ(load()->max_workers, usable_cores()); }

TEST_F(ConfigTest, EverySettingIsDescribed) {
  for (const auto& setting : settings()) {
    EXPECT_FALSE(setting.help.empty() || setting.allowed.empty() || setting.fallback.empty())
        << setting.variable;
  }
  EXPECT_EQ(flag_of("DATA_DIR"), "--data-dir");
}

TEST_F(ConfigTest, SettingsAreGroupedAndHaveUsers) {
  std::vector<std::string> groups;
  for (const auto& setting : settings()) {
    EXPECT_NE(setting.users, 0U) << setting.variable;
    if (groups.empty() || groups.back() != setting.group) groups.push_back(setting.group);
  }
  EXPECT_THAT(groups,
              ElementsAre("Network", "Storage", "Access", "Models", "Work", "AWS", "Other"));
}

TEST_F(ConfigTest, TheChoicesOfASettingAreItsAllowedValues) {
  for (const auto& setting : settings()) {
    for (const auto& value : setting.choices)
      EXPECT_TRUE(load({{setting.variable, value}})) << setting.variable << " " << value;
    EXPECT_EQ(setting.choices.empty(), !setting.allowed.starts_with("one of ")) << setting.variable;
    EXPECT_EQ(setting.path,
              setting.allowed.find("file") != std::string::npos || setting.allowed == "a folder")
        << setting.variable;
  }
}

constexpr std::uint64_t kMegabyte = 1 << 20;

TEST(MemoryPlan, SharesAddUpToTheLimit) {
  for (const std::uint64_t megabytes : {600, 1'024, 8'192, 1'000'000}) {
    const auto plan =
        plan_memory(megabytes * kMegabyte, {200 * kMegabyte, 100 * kMegabyte}).value();
    EXPECT_EQ(plan.program + plan.models + plan.other_models + plan.decoding + plan.files +
                  plan.bodies + plan.answers + plan.caches,
              megabytes * kMegabyte);
    EXPECT_GE(plan.decoding, plan.bodies);
    EXPECT_LE(plan.bodies, 512 * kMegabyte);
  }
}

TEST(MemoryPlan, SaysHowMuchTheModelsNeed) {
  const auto plan = plan_memory(400 * kMegabyte, {300 * kMegabyte, 0});
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message,
              ::testing::StartsWith("the service may use 400 MB of memory, but needs 594 MB, 300 "
                                    "of them for its models: set MEMORY_LIMIT"));
  EXPECT_TRUE(plan_memory(594 * kMegabyte, {300 * kMegabyte, 0}));
}

class MemoryLimit : public ::testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) const {
    const auto path = root_.path() / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::uint64_t limit(std::uint64_t megabytes = 0) const {
    Config config;
    config.memory_limit_mb = megabytes;
    return memory_limit(config, root_.path());
  }
  testing::TempDir root_;
};

TEST_F(MemoryLimit, IsTheSmallestOfTheGroupsAbove) {
  write("proc/self/cgroup", "0::/a/b/c\n");
  write("sys/fs/cgroup/a/memory.max", "20000000\n");
  write("sys/fs/cgroup/a/b/memory.max", "max\n");
  write("sys/fs/cgroup/a/b/c/memory.max", "30000000\n");
  EXPECT_EQ(limit(), 20'000'000U);
  EXPECT_EQ(limit(100), 100 * kMegabyte);
}

TEST_F(MemoryLimit, KnowsTheFirstVersionOfCgroups) {
  write("proc/self/cgroup", "9:name=systemd:/x\n4:memory:/a\n0::/\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "20000000\n");
  EXPECT_EQ(limit(), 20'000'000U);
}

// Where the path is the host's, and the group of the container is mounted as the topmost one.
TEST_F(MemoryLimit, KnowsContainers) {
  write("proc/self/cgroup", "0::/docker/0123\n");
  write("sys/fs/cgroup/memory.max", "20000000\n");
  EXPECT_EQ(limit(), 20'000'000U);
}

TEST_F(MemoryLimit, IsThreeQuartersOfTheMachineOtherwise) {
  const std::uint64_t machine = limit();
  EXPECT_GT(machine, 64 * kMegabyte);
  write("proc/self/cgroup", "4:memory:/a\n0::/a\n");
  write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/a/memory.max", "max\n");
  EXPECT_EQ(limit(), machine);
}

}  // namespace
}  // namespace classifier
