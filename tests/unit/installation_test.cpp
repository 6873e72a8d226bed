#include "apps/installation.hpp"

#include <gmock/gmock.h>

#include "apps/processor.hpp"
#include "support/temp_dir.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TempDir;

TEST(InstallationTest, AnInstalledProgramFindsItsPartsBesideItself) {
  const TempDir prefix;
  fs::create_directories(prefix.path() / "bin");
  fs::create_directories(prefix.path() / "share/distributed-classifier");
  const auto found = installation_of(prefix.path() / "bin/classifier");
  EXPECT_FALSE(found.in_source_tree);
  EXPECT_EQ(found.dashboard_dir, prefix.path() / "share/distributed-classifier/dashboard");
  EXPECT_EQ(found.exporter_dir, prefix.path() / "share/distributed-classifier/exporter");
  EXPECT_EQ(found.tokenizers_library,
            prefix.path() / "lib/distributed-classifier/libopenvino_tokenizers.so");
  // Only a package of the distribution has models that are shared with a service.
  EXPECT_TRUE(found.models_dir.empty());
  EXPECT_TRUE(found.exporter_environment.empty());
}

TEST(InstallationTest, ABuiltProgramFindsThemInTheSourceTree) {
  for (const char* const executable : {SOURCE_DIR "/build/release/classifier", "/nowhere/bin/x"}) {
    const auto found = installation_of(executable);
    EXPECT_TRUE(found.in_source_tree);
    EXPECT_EQ(found.dashboard_dir, fs::path(SOURCE_DIR) / "dashboard/dist");
    EXPECT_TRUE(fs::exists(found.exporter_requirements)) << found.exporter_requirements;
    EXPECT_TRUE(fs::exists(found.tokenizers_library)) << found.tokenizers_library;
  }
}

TEST(ProcessorTest, ModelsNeedSse42) {
  EXPECT_TRUE(can_run_models({.sse42 = true, .avx2 = false}));
  const auto refused = can_run_models({.sse42 = false, .avx2 = false});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("has no SSE4.2"));
  EXPECT_THAT(refused.error().message, HasSubstr("BACKEND_API_URL"));
}

TEST(ProcessorTest, ASlowProcessorIsToldOf) {
  EXPECT_THAT(slow_processor_notice({.sse42 = true, .avx2 = true}), IsEmpty());
  EXPECT_THAT(slow_processor_notice({.sse42 = true, .avx2 = false}), HasSubstr("no AVX2"));
}

}  // namespace
}  // namespace classifier
