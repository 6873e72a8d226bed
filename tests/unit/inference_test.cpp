// Real models on real photos. Tests are skipped where models or photos are missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <thread>

#include "adapters/inference/label_check.hpp"
#include "adapters/inference/label_sets.hpp"
#include "adapters/inference/model_folder.hpp"
#include "adapters/inference/openvino_classifier.hpp"
#include "adapters/inference/ranking.hpp"
#include "domain/text.hpp"
#include "support/files.hpp"
#include "support/temp_dir.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ADDRESS_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(WITH_ADDRESS_SANITIZER)
// LeakSanitizer reports memory that OpenVINO and its tokenizers do not free when they are unloaded,
// and may crash on their thread-local storage.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

namespace classifier::testing {
namespace {

namespace fs = std::filesystem;

std::vector<std::byte> read(const fs::path& file) {
  const std::string text = read_file(file).value();
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

class InferenceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::is_directory(photos_)) GTEST_SKIP() << "the photos are not at " << photos_;
    if (!fs::is_directory(MODELS_DIR "/efficientnet_lite0"))
      GTEST_SKIP() << "no models in " MODELS_DIR;
  }

  static std::unique_ptr<Classifier> make(Precision precision = Precision::kAuto) {
    InferenceOptions options;
    options.decoder = std::make_shared<LocalDecoder>(DecodeLimits{});
    options.models_dir = MODELS_DIR;
    options.tokenizers_library = OPENVINO_TOKENIZERS_LIBRARY;
    options.streams = 2;
    options.precision = precision;
    return make_openvino_classifier(options);
  }

  Predictions classify(Classifier& classifier, const std::shared_ptr<const JobSpec>& spec,
                       const std::string& photo) {
    const auto prepared = classifier.prepare(read(photos_ / photo), *spec);
    EXPECT_TRUE(prepared) << (prepared ? "" : prepared.error().message);
    auto predictions = classifier.classify({&*prepared, 1}, spec);
    EXPECT_TRUE(predictions) << (predictions ? "" : predictions.error().message);
    return predictions->front();
  }

  static std::shared_ptr<const JobSpec> spec(std::string model,
                                             std::vector<std::string> labels = {}) {
    JobSpec result;
    result.type = labels.empty() ? JobType::kImageClassification : JobType::kCustomClassification;
    result.model = std::move(model);
    result.custom_labels = std::move(labels);
    return std::make_shared<const JobSpec>(result);
  }

  fs::path photos_ = fs::path(SHARED_DIR) / "photos";
};

TEST_F(InferenceTest, StarterClassifierRecognisesPhotos) {
  const auto classifier = make();
  const std::map<std::string, std::string> expected{
      {"cat_720p.jpg", "Egyptian cat"}, {"hot_dog.jpg", "hotdog"}, {"parrot.jpg", "macaw"}};
  for (const auto& [photo, label] : expected) {
    const auto predictions = classify(*classifier, spec("efficientnet_lite0"), photo);
    ASSERT_EQ(predictions.size(), 5U);
    EXPECT_THAT(predictions[0].label, ::testing::StartsWith(label)) << photo;
    EXPECT_GE(predictions[0].score, predictions[1].score);
  }
}

TEST_F(InferenceTest, Bf16AgreesWithFp32) {
  const auto fast = make();
  const auto exact = make(Precision::kFp32);
  for (const auto& photo : fs::directory_iterator(photos_)) {
    const std::string name = photo.path().filename().string();
    const auto a = classify(*fast, spec("efficientnet_lite0"), name);
    const auto b = classify(*exact, spec("efficientnet_lite0"), name);
    std::cout << name << ": fp32 " << b[0].label << " " << b[0].score << ", here " << a[0].label
              << " " << a[0].score << "\n";
    // The 8-bit mantissa may swap two classes of nearly the same probability, but must not change a
    // clear first.
    if (b[0].score - b[1].score > 0.2F) {
      EXPECT_EQ(a[0].label, b[0].label) << name;
      EXPECT_NEAR(a[0].score, b[0].score, 0.1) << name;
    }
  }
}

// What is remembered answers as the first time, whatever the labels are.
TEST_F(InferenceTest, WhatWasSeenAnswersForAnyLabels) {
  const auto classifier = make();
  const auto classes = spec("efficientnet_lite0");
  const auto few = spec("conse_efficientnet_lite0_minilm", {"cat", "dog"});
  const auto more = spec("conse_efficientnet_lite0_minilm", {"bird", "dog", "cat", "kite"});
  const auto bytes = read(photos_ / "cat_720p.jpg");
  for (const auto& [job, dimensions] : {std::pair(classes, 1'280U), std::pair(few, 384U)}) {
    const auto prepared = classifier->prepare(bytes, *job).value();
    const auto seen = classifier->see({&prepared, 1}, *job).value();
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].vector.size(), dimensions) << job->model;
    double squares = 0;
    for (const float value : seen[0].vector) squares += static_cast<double>(value) * value;
    EXPECT_NEAR(squares, 1, 0.001);
    EXPECT_EQ(seen[0].top.size(), job == classes ? kMostTop : 0);
    EXPECT_GT(seen[0].look.sharpness, 1);
    EXPECT_EQ(classifier->rank(seen[0], job).value(), classify(*classifier, job, "cat_720p.jpg"));
    // What another model saw is no answer.
    EXPECT_EQ(classifier->rank(seen[0], job == classes ? few : classes).error().code,
              ErrorCode::kInvalidArgument);
    if (job == few) {
      EXPECT_EQ(classifier->rank(seen[0], more).value(),
                classify(*classifier, more, "cat_720p.jpg"));
    }
  }
  // A text and a photo of it are near to each other.
  const std::string model = "conse_efficientnet_lite0_minilm";
  EXPECT_EQ(classifier->embed_text(model, "a cat").value().size(), 384U);
  EXPECT_EQ(classifier->embed_text("efficientnet_lite0", "a cat").error().code,
            ErrorCode::kUnsupported);
}

TEST_F(InferenceTest, AFingerprintNamesTheModelAsItSees) {
  const auto classifier = make();
  const std::string name = "efficientnet_lite0";
  const std::string first = classifier->fingerprint(name).value();
  EXPECT_EQ(first.size(), 64U);
  EXPECT_EQ(make()->fingerprint(name).value(), first);
  EXPECT_NE(classifier->fingerprint("conse_efficientnet_lite0_minilm").value(), first);
  // On a machine without bf16 these are the same.
  if (make(Precision::kBf16)->fingerprint(name).value() == first)
    EXPECT_NE(make(Precision::kFp32)->fingerprint(name).value(), first);
}

// Scaled decoding changes pixels, but must not change the first label.
TEST_F(InferenceTest, ScaledDecodingKeepsTheFirstLabel) {
  const auto classifier = make();
  for (const ModelInfo& model : classifier->models()) {
    if (!model.error.empty()) continue;
    const ResizeRule rule = read_model_folder(fs::path(MODELS_DIR) / model.name).value().resize;
    const bool image_text = model.job_type == JobType::kCustomClassification;
    const auto job = image_text ? spec(model.name, {"cat", "dog", "bird", "food", "kite", "person"})
                                : spec(model.name);
    for (const auto& photo : fs::directory_iterator(photos_)) {
      const std::string name = photo.path().filename().string();
      const auto bytes = read(photo.path());
      const std::vector<PreparedImage> images{prepare_image(bytes, rule, {}, false).value(),
                                              prepare_image(bytes, rule, {}, true).value()};
      const auto predictions = classifier->classify(images, job);
      ASSERT_TRUE(predictions) << predictions.error().message;
      const Prediction& whole = predictions->at(0).at(0);
      const Prediction& scaled = predictions->at(1).at(0);
      std::cout << model.name << ", " << name << ": " << whole.label << " " << whole.score
                << ", scaled decoding " << scaled.label << " " << scaled.score << "\n";
      EXPECT_EQ(scaled.label, whole.label) << model.name << ", " << name;
    }
  }
}

TEST_F(InferenceTest, CustomLabelsAreRanked) {
  const auto classifier = make();
  const auto labels = spec("conse_efficientnet_lite0_minilm",
                           {"cat", "dog", "bird", "food", "a \"quoted\" one", "🐱", "كلب"});
  const std::map<std::string, std::string> expected{{"cat_720p.jpg", "cat"},
                                                    {"hot_dog.jpg", "food"},
                                                    {"parrot.jpg", "bird"},
                                                    {"pets.jpg", "dog"}};
  for (const auto& [photo, label] : expected) {
    const auto predictions = classify(*classifier, labels, photo);
    EXPECT_EQ(predictions[0].label, label) << photo;
  }
  const auto one =
      classify(*classifier, spec("conse_efficientnet_lite0_minilm", {"only"}), "owl.jpg");
  EXPECT_EQ(one.size(), 1U);
  EXPECT_FLOAT_EQ(one[0].score, 1);
}

// Needs no photos.
class LabelWarningTest : public InferenceTest {
 protected:
  void SetUp() override {
    if (!fs::is_directory(MODELS_DIR "/conse_efficientnet_lite0_minilm"))
      GTEST_SKIP() << "no starter model in " MODELS_DIR;
  }
};

TEST_F(LabelWarningTest, LabelsThatTheStarterDoesNotKnowAreNamed) {
  const auto classifier = make();
  const auto warnings = [&](const std::vector<std::string>& labels) {
    return classifier->label_warnings(spec("conse_efficientnet_lite0_minilm", labels), {}).value();
  };
  EXPECT_THAT(warnings({"cat", "dog", "bird", "beach", "pizza", "animal"}), ::testing::IsEmpty());
  // Words of another script are all the same unknown word.
  EXPECT_THAT(
      warnings({"cat", "person", "猫", "狗"}),
      ::testing::ElementsAre(::testing::HasSubstr("the model cannot tell \"猫\" and \"狗\" apart"),
                             ::testing::HasSubstr("cannot see \"person\", \"猫\" and \"狗\":")));
  EXPECT_THAT(classifier->label_warnings(spec("efficientnet_lite0"), {}).value(),
              ::testing::IsEmpty());
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_EQ(
      classifier
          ->label_warnings(spec("conse_efficientnet_lite0_minilm", {"a", "b"}), stopped.get_token())
          .error()
          .code,
      ErrorCode::kUnavailable);
}

TEST(LabelCheck, LabelsWithOneEmbeddingAreAGroup) {
  const std::vector<float> rows{1, 0, 0, 1, 1, 0, 0, 1, 0.6F, 0.8F};
  const std::vector<std::string> labels{"a", "b", "c", "d", "e"};
  EXPECT_THAT(indistinct_labels(rows, labels),
              ::testing::ElementsAre(::testing::HasSubstr("tell \"a\" and \"c\" apart"),
                                     ::testing::HasSubstr("tell \"b\" and \"d\" apart")));
  EXPECT_THAT(indistinct_labels({}, {}), ::testing::IsEmpty());
  const std::vector<float> classes{1, 0};
  EXPECT_THAT(unknown_labels(rows, labels, classes), ::testing::HasSubstr("see \"b\" and \"d\":"));
  EXPECT_EQ(unknown_labels(rows, labels, {}), "");
}

TEST_F(InferenceTest, BatchReturnsThePredictionsOfEachImage) {
  const auto classifier = make();
  for (const auto& job : {spec("efficientnet_lite0"), spec("conse_efficientnet_lite0_minilm",
                                                           {"cat", "dog", "food", "bird"})}) {
    EXPECT_GT(classifier->preferred_batch(*job), 1U);
    std::vector<PreparedImage> images;
    std::vector<Predictions> alone;
    // More images than one inference takes, and not a multiple of it.
    while (images.size() < 2 * classifier->preferred_batch(*job) + 1) {
      for (const auto& photo : fs::directory_iterator(photos_)) {
        images.push_back(classifier->prepare(read(photo.path()), *job).value());
        alone.push_back(classifier->classify({&images.back(), 1}, job).value().front());
      }
    }
    const auto together = classifier->classify(images, job).value();
    ASSERT_EQ(together.size(), images.size());
    for (std::size_t i = 0; i < images.size(); ++i) {
      for (std::size_t k = 0; k < together[i].size(); ++k) {
        EXPECT_EQ(together[i][k].label, alone[i][k].label) << i;
        EXPECT_NEAR(together[i][k].score, alone[i][k].score, 0.01) << i;
      }
    }
  }
}

// Puts Google's MobileNetV2 in TFLite, whose last reshape fixes the batch, into a copy of
// EfficientNet's folder: as its graph, or as its graph in 8 bits.
class OtherGraphTest : public InferenceTest {
 protected:
  std::unique_ptr<Classifier> with(const std::string& image, Precision precision) {
    const fs::path folder = models_.path() / "mixed";
    fs::copy(MODELS_DIR "/efficientnet_lite0", folder, fs::copy_options::recursive);
    fs::copy(SHARED_DIR "/models/mobilenet_v2_1.0_224_quant.tflite", folder / "google.tflite");
    std::ofstream labels(folder / "labels.txt");
    for (int i = 0; i < 1'001; ++i) labels << "label " << i << "\n";
    labels.close();
    std::ofstream(folder / "model.json")
        << R"({"format":1,"kind":"classifier","labels":"labels.txt","image":{"width":224,)"
        << R"("height":224,"output":"probabilities",)" << image << "}}";
    InferenceOptions options;
    options.decoder = std::make_shared<LocalDecoder>(DecodeLimits{});
    options.models_dir = models_.path();
    options.precision = precision;
    return make_openvino_classifier(options);
  }

  TempDir models_;
};

TEST_F(OtherGraphTest, FixedBatchTakesOneImageAtATime) {
  const auto classifier = with(R"("graph":"google.tflite")", Precision::kAuto);
  const auto job = spec("mixed");
  EXPECT_EQ(classifier->preferred_batch(*job), 1U);
  const std::vector<PreparedImage> images(
      3, classifier->prepare(read(photos_ / "parrot.jpg"), *job).value());
  const auto all = classifier->classify(images, job).value();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[2][0].label, "label 89");  // macaw; class 0 is the background
}

TEST_F(OtherGraphTest, EightBitsAreUsedUnlessAPrecisionIsSet) {
  const std::string both = R"("graph":"image.xml","int8":{"graph":"google.tflite"})";
  const auto job = spec("mixed");
  // Only Google's graph has as many outputs as there are labels.
  EXPECT_TRUE(with(both, Precision::kAuto)->warm_up(job, {}));
  fs::remove_all(models_.path() / "mixed");
  const auto floats = with(both, Precision::kFp32)->warm_up(job, {});
  ASSERT_FALSE(floats);
  EXPECT_THAT(floats.error().message, ::testing::HasSubstr("1000 outputs"));
}

TEST_F(InferenceTest, ManyThreadsShareOneModel) {
  const auto classifier = make();
  std::vector<std::string> labels(8);
  {
    std::vector<std::jthread> threads;
    threads.reserve(labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
      threads.emplace_back([&, i] {
        labels[i] = classify(*classifier,
                             i % 2 == 0 ? spec("efficientnet_lite0")
                                        : spec("conse_efficientnet_lite0_minilm", {"cat", "dog"}),
                             "cat_720p.jpg")[0]
                        .label;
      });
    }
  }
  for (std::size_t i = 0; i < labels.size(); ++i)
    EXPECT_EQ(labels[i], i % 2 == 0 ? "Egyptian cat" : "cat");
}

// Requests must not wait for inferences.
TEST_F(InferenceTest, InferencesRunAtTheConfiguredNiceness) {
  const auto threads_at = [](int wanted) {
    int count = 0;
    for (const auto& task : fs::directory_iterator("/proc/self/task")) {
      const std::string text = read_file(task.path() / "stat").value_or("");
      std::istringstream fields(text.substr(text.rfind(')') + 1));
      std::string field;
      for (int i = 3; i <= 19; ++i) fields >> field;  // field 19 is the niceness: proc(5)
      if (field == std::to_string(wanted)) ++count;
    }
    return count;
  };
  InferenceOptions options;
  options.decoder = std::make_shared<LocalDecoder>(DecodeLimits{});
  options.models_dir = MODELS_DIR;
  options.streams = 2;
  options.nice = 7;
  const auto classifier = make_openvino_classifier(options);
  const int before = threads_at(::nice(0) + 7);
  ASSERT_TRUE(classifier->warm_up(spec("efficientnet_lite0"), {}));
  EXPECT_GE(threads_at(::nice(0) + 7) - before, 2);
}

TEST_F(InferenceTest, WrongModelNamesAreExplained) {
  const auto classifier = make();
  EXPECT_THAT(classifier->resolve(JobType::kImageClassification, "nothing").error().message,
              ::testing::HasSubstr("there is no model \"nothing\"; installed are:"));
  EXPECT_THAT(
      classifier->resolve(JobType::kCustomClassification, "efficientnet_lite0").error().message,
      ::testing::HasSubstr("is for image_classification"));
}

struct BadModelJson {
  const char* name;
  const char* json;
  const char* says;
};

class BadModelJsonTest : public ::testing::TestWithParam<BadModelJson> {};

TEST_P(BadModelJsonTest, IsExplained) {
  const TempDir dir;
  std::ofstream(dir.path() / "image.xml") << "graph";
  std::ofstream(dir.path() / "labels.txt") << "a\nb\n";
  std::ofstream(dir.path() / "model.json") << GetParam().json;
  const auto model = read_model_folder(dir.path());
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, ::testing::HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, BadModelJsonTest,
    ::testing::Values(
        BadModelJson{"NotJson", "{", "model.json: it is not valid JSON"},
        BadModelJson{"NoFormat", "{}", "format is missing"},
        BadModelJson{"OtherFormat", R"({"format":2})", "format must be 1"},
        BadModelJson{"NoKind", R"({"format":1})",
                     "kind must be one of \"classifier\", \"image-text\""},
        BadModelJson{"NoImage", R"({"format":1,"kind":"classifier"})", "image is missing"},
        BadModelJson{"GraphLeadsOut",
                     R"({"format":1,"kind":"classifier","image":{"graph":"../x"}})",
                     "image.graph must be the name of a file"},
        BadModelJson{"NoGraphFile",
                     R"({"format":1,"kind":"classifier","image":{"graph":"other.xml"}})",
                     "there is no file other.xml"},
        BadModelJson{
            "NoInt8File",
            R"({"format":1,"kind":"classifier","image":{"graph":"image.xml","int8":{"graph":"8.xml"}}})",
            "image.int8.graph: there is no file 8.xml"},
        BadModelJson{"BadSide",
                     R"({"format":1,"kind":"classifier","image":{"graph":"image.xml","width":0}})",
                     "image.width must be from 1 to 4096"},
        BadModelJson{
            "NoOutput",
            R"({"format":1,"kind":"classifier","image":{"graph":"image.xml","width":8,"height":8}})",
            "image.output must be one of \"logits\", \"probabilities\""},
        BadModelJson{
            "PromptWithoutLabel",
            R"({"format":1,"kind":"image-text","image":{"graph":"image.xml","width":8,"height":8},
                         "text":{"graph":"image.xml","prompts":["a photo"]}})",
            "has no {label}"}),
    [](const auto& bad) { return bad.param.name; });

// A folder of a classifier with the labels "pug", "beagle" and "car".
class GroupsTest : public ::testing::Test {
 protected:
  GroupsTest() {
    write("image.xml", "graph");
    write("labels.txt", "pug\nbeagle\ncar\n");
    write_model(R"(,"groups":"g.json")");
  }

  void write(const char* name, std::string_view text) const {
    std::ofstream(dir_.path() / name, std::ios::binary) << text;
  }
  void write_model(const std::string& more) const {
    write("model.json",
          R"({"format":1,"kind":"classifier","labels":"labels.txt",
              "image":{"graph":"image.xml","width":8,"height":8,"output":"logits"})" +
              more + "}");
  }
  Result<std::vector<LabelGroup>> read_groups() const {
    const auto folder = read_model_folder(dir_.path());
    EXPECT_TRUE(folder) << "groups must not make a model unusable: " << folder.error().message;
    return read_label_groups(*folder);
  }

  const TempDir dir_;
};

TEST_F(GroupsTest, AreReadInTheirOrderAndMayLeaveLabelsOut) {
  write("g.json", R"({"groups":[{"name":" dog ","labels":["beagle","pug"]},
                                {"name":"cat","labels":[]}]})");
  const auto groups = read_groups();
  ASSERT_TRUE(groups) << groups.error().message;
  EXPECT_EQ(*groups, (std::vector<LabelGroup>{{"dog", {"beagle", "pug"}}}));
}

TEST_F(GroupsTest, AreMissingInFoldersOfEarlierVersions) {
  write_model("");
  EXPECT_EQ(read_groups().error().code, ErrorCode::kNotFound);
}

TEST_F(GroupsTest, AreCheckedByTheirOwnChecksumAndNotWithTheModel) {
  const std::string text = R"({"groups":[{"name":"dog","labels":["pug"]}]})";
  write("g.json", text);
  write_model(R"(,"groups":"g.json","sha256":{"g.json":")" + sha256_hex(text) + R"("})");
  EXPECT_TRUE(read_groups());
  write("g.json", text + " ");
  EXPECT_EQ(read_groups().error().message, "g.json: its SHA-256 is not the one in model.json");
  EXPECT_TRUE(verify_model_files(read_model_folder(dir_.path()).value()));
  write_model(R"(,"groups":"g.json","sha256":{"g.json":"0","labels.txt":"0"})");
  EXPECT_THAT(verify_model_files(read_model_folder(dir_.path()).value()).error().message,
              ::testing::HasSubstr("labels.txt is not the file"));
}

TEST_F(GroupsTest, ThatLeadOutOfTheFolderOrAreNoFileAreExplained) {
  for (const auto& [value, says] : std::vector<std::pair<std::string, std::string>>{
           {"1", "model.json: groups must be a file name"},
           {R"("../g.json")", "model.json: groups must be the name of a file in the model's"},
           {R"("absent.json")", "model.json: groups: there is no file absent.json"}}) {
    write_model(R"(,"groups":)" + value);
    const auto groups = read_groups();
    ASSERT_FALSE(groups) << value;
    EXPECT_EQ(groups.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(groups.error().message, ::testing::HasSubstr(says));
  }
}

TEST_F(GroupsTest, ThatAreNotValidAreExplained) {
  std::string many = R"({"groups":[)";
  for (int i = 0; i < 1'001; ++i)
    many += (i == 0 ? "" : ",") + fmt::format(R"({{"name":"{}","labels":[]}})", i);
  many += "]}";
  const std::string long_name(201, 'x');
  for (const auto& [text, says] : std::vector<std::pair<std::string, std::string>>{
           {"", "g.json: it is not valid JSON"},
           {"[]", "must be an object"},
           {"{}", "groups is missing: it must be a list of objects"},
           {R"({"groups":[]})", "groups must have 1 to 1,000 entries"},
           {many, "groups must have 1 to 1,000 entries"},
           {R"({"groups":["dog"]})", "groups[0] must be an object"},
           {R"({"groups":[{"name":"dog"}]})", "groups[0].labels is missing"},
           {R"({"groups":[{"name":" ","labels":["pug"]}]})", "groups[0].name must have 1 to 200"},
           {R"({"groups":[{"name":"a\u0000","labels":["pug"]}]})", "without control characters"},
           {R"({"groups":[{"name":")" + long_name + R"(","labels":["pug"]}]})", "1 to 200 bytes"},
           {R"({"groups":[{"name":"dog","labels":[1]}]})",
            "groups[0].labels must be a list of str"},
           {R"({"groups":[{"name":"dog","labels":["cat"]}]})", "\"cat\" is no label of the model"},
           {R"({"groups":[{"name":"a","labels":["pug"]},{"name":"b","labels":["pug"]}]})",
            "groups[1].labels: \"pug\" is no label of the model, or is in the groups twice"},
           {R"({"groups":[{"name":"a","labels":["pug"]},{"name":"a","labels":["car"]}]})",
            "two groups have the name \"a\""},
           {std::string(R"({"groups":[{"name":"a","labels":["pug)") + "\xFF" + R"("]}]})",
            "g.json: it is not valid JSON"},
           {std::string((16U << 20U) + 1, ' '), "g.json: it has more than 16 MiB"}}) {
    write("g.json", text);
    const auto groups = read_groups();
    ASSERT_FALSE(groups) << text.substr(0, 100);
    EXPECT_EQ(groups.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(groups.error().message, ::testing::HasSubstr(says));
  }
}

// Groups as models/export makes them, and a model whose file of groups is broken.
TEST(Groups, OfAModelAreFoundByItsName) {
  const TempDir dir;
  const fs::path source = fs::path(MODELS_DIR) / "efficientnet_lite0";
  if (!fs::exists(source)) GTEST_SKIP() << "the starter model is not there";
  const fs::path folder = dir.path() / "models" / "mine";
  fs::create_directories(dir.path() / "models");
  fs::copy(source, folder);
  auto document = nlohmann::json::parse(std::ifstream(folder / "model.json"));
  document["groups"] = "groups.json";
  document["sha256"].erase("groups.json");
  std::ofstream(folder / "model.json") << document;
  std::ofstream(folder / "groups.json") << R"({"groups":[{"name":"fish","labels":["tench"]}]})";

  InferenceOptions options;
  options.decoder = std::make_shared<LocalDecoder>(DecodeLimits{});
  options.models_dir = dir.path() / "models";
  const auto classifier = make_openvino_classifier(options);
  const auto groups = classifier->label_groups("mine");
  ASSERT_TRUE(groups) << groups.error().message;
  EXPECT_EQ(*groups, (std::vector<LabelGroup>{{"fish", {"tench"}}}));
  for (const char* const name : {"", ".", "..", "other", "mine/../mine", "../models/mine"})
    EXPECT_EQ(classifier->label_groups(name).error().code, ErrorCode::kNotFound) << name;

  std::ofstream(folder / "groups.json") << "{";
  const auto broken = classifier->label_groups("mine");
  EXPECT_EQ(broken.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(broken.error().message,
            "model \"mine\" has no groups of labels: groups.json: it is not valid JSON");
  EXPECT_TRUE(classifier->models().at(0).error.empty());

  const auto sink = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(100);
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("captured", sink));
  const auto spec = std::make_shared<JobSpec>();
  spec->model = "mine";
  const auto warm = classifier->warm_up(spec, {});
  spdlog::set_default_logger(before);
  EXPECT_TRUE(warm) << warm.error().message;
  EXPECT_THAT(sink->last_formatted(),
              ::testing::Contains(::testing::HasSubstr(
                  "model mine is used without groups of labels: groups.json: it is")));
}

TEST(LabelSets, AreFoundByTheirSpecOrTheirLabels) {
  LabelSets sets;
  const auto job = std::make_shared<JobSpec>();
  job->custom_labels = {"cat", "dog"};
  const auto matrix = std::make_shared<const LabelMatrix>(LabelMatrix{1, 0, 0, 1});
  EXPECT_EQ(sets.of(job), nullptr);
  EXPECT_EQ(sets.with({"cat", "dog"}), nullptr);
  sets.add(job, matrix);
  EXPECT_EQ(sets.of(job), matrix);
  EXPECT_EQ(sets.with({"cat", "dog"}), matrix);
  EXPECT_EQ(sets.with({"dog", "cat"}), nullptr);
}

TEST(LabelSets, KeepTheNewestAndOthersWithinTheLimit) {
  const auto matrix = std::make_shared<const LabelMatrix>(40);
  std::vector<std::shared_ptr<const JobSpec>> jobs;
  for (int i = 0; i < 5; ++i) jobs.push_back(std::make_shared<const JobSpec>());
  LabelSets by_floats(64, 100);
  LabelSets by_number(3, 1'000);
  for (const auto& job : jobs) {
    by_floats.add(job, matrix);
    by_number.add(job, matrix);
  }
  EXPECT_EQ(by_floats.of(jobs[2]), nullptr);
  EXPECT_EQ(by_floats.of(jobs[3]), matrix);
  EXPECT_EQ(by_number.of(jobs[1]), nullptr);
  EXPECT_EQ(by_number.of(jobs[2]), matrix);
  by_floats.add(jobs[0], std::make_shared<const LabelMatrix>(200));
  EXPECT_NE(by_floats.of(jobs[0]), nullptr);
  EXPECT_EQ(by_floats.of(jobs[4]), nullptr);
}

TEST(Ranking, SoftmaxSumsToOneWithoutOverflow) {
  std::vector<float> values{1'000, 999, -1'000};
  softmax(values, 2);
  EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0), 1, 1e-6);
  EXPECT_NEAR(values[0] / values[1], std::exp(2.0), 1e-3);
}

TEST(Ranking, EqualScoresKeepTheOrderOfLabels) {
  const std::vector<float> scores{0.2F, 0.4F, 0.4F};
  const std::vector<std::string> labels{"a", "b", "c"};
  EXPECT_EQ(named(highest(scores, 2), labels), (Predictions{{"b", 0.4F}, {"c", 0.4F}}));
  EXPECT_EQ(highest(scores, 10).size(), 3U);
}

}  // namespace
}  // namespace classifier::testing
