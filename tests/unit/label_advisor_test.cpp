#include "services/label_advisor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "support/labelling_classifier.hpp"

namespace classifier {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

JobSpec spec_of(std::vector<std::string> labels) {
  JobSpec spec;
  spec.type = JobType::kCustomClassification;
  spec.model = "labelling";
  spec.custom_labels = std::move(labels);
  return spec;
}

TEST(LabelWarnings, OneLabelIsNoChoice) {
  EXPECT_THAT(text_warnings({"cat"}), ElementsAre(HasSubstr("\"cat\" is the only label")));
  EXPECT_THAT(text_warnings({"cat", "dog"}), IsEmpty());
}

TEST(LabelWarnings, LabelsThatLookTheSameAreNamedTogether) {
  const std::vector<std::vector<std::string>> same{
      {"Dog", "dog"},
      {"caf\u00e9", "cafe\u0301"},                               // composed and decomposed
      {"hot dog", "hot  dog"},                                   // two spaces
      {"hot dog", "hot\u00a0dog"},                               // a space that does not break
      {"cat", "\u200bcat"},                                      // zero width
      {"cat", "c\u00adat"},                                      // soft hyphen
      {"cat", "\ufeffcat"},                                      // byte order mark
      {"\uff43\uff41\uff54", "cat"},                             // full width
      {"Stra\u00dfe", "STRASSE"},                                // folding of one letter to two
      {"\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"},  // the final sigma
      {"\u2764\ufe0f", "\u2764"},  // with and without a variation selector
  };
  for (const auto& labels : same) {
    const auto warnings = text_warnings(labels);
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("\"" + labels[0] + "\" and \"" + labels[1] +
                                                "\" differ only in case, spaces")));
  }
  EXPECT_THAT(text_warnings({"resume", "r\u00e9sum\u00e9", "cat 1", "cat 2"}), IsEmpty());
  EXPECT_EQ(text_warnings({"a", "b", "A", "B", "a ", "c"}).size(), 2U);
}

TEST(LabelWarnings, LabelsOfNothingButInvisibleCharactersAreTold) {
  EXPECT_THAT(text_warnings({"cat", "\u200b"}), ElementsAre(HasSubstr("no visible character")));
  EXPECT_THAT(text_warnings({"cat", "\u200b", "\u2060"}),
              ElementsAre(HasSubstr("2 of the labels have no visible character")));
}

TEST(LabelWarnings, OfManyLabelsTheFirstAreNamed) {
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < 12; ++i) labels.push_back("a" + std::string(i, ' ') + "b");
  labels.erase(labels.begin());
  EXPECT_THAT(text_warnings(labels), ElementsAre(HasSubstr(" and 3 more differ")));
}

TEST(LabelWarnings, OfThousandsTheFirstAreGiven) {
  std::vector<std::string> labels;
  for (int i = 0; i < 5'000; ++i) {
    labels.push_back("label " + std::to_string(i));
    labels.push_back("Label " + std::to_string(i));
  }
  const auto warnings = text_warnings(labels);
  ASSERT_EQ(warnings.size(), 21U);
  EXPECT_THAT(warnings.back(), HasSubstr("4980 more groups"));
}

class OpinionatedClassifier final : public testing::LabellingClassifier {
 public:
  Result<std::vector<std::string>> label_warnings(const std::shared_ptr<const JobSpec>& spec,
                                                  const std::stop_token& stop) override {
    asked.push_back(spec->custom_labels);
    const auto end = std::chrono::steady_clock::now() + delay;
    while (std::chrono::steady_clock::now() < end && !stop.stop_requested())
      std::this_thread::sleep_for(1ms);
    if (fails) return fail(ErrorCode::kInternal, "the model cannot be read");
    return std::vector<std::string>{"the model does not like them"};
  }
  std::vector<std::vector<std::string>> asked;
  std::chrono::milliseconds delay{0};
  bool fails = false;
};

TEST(LabelAdvisor, AsksTheModelAboutLabelsThatDiffer) {
  OpinionatedClassifier classifier;
  LabelAdvisor advisor(&classifier);
  EXPECT_THAT(advisor.advice(spec_of({"Dog", "cat", "dog"}), 10s).warnings,
              ElementsAre(HasSubstr("differ only"), "the model does not like them"));
  EXPECT_THAT(classifier.asked, ElementsAre(ElementsAre("Dog", "cat")));
  classifier.fails = true;
  EXPECT_THAT(advisor.advice(spec_of({"dog", "cat"}), 10s).warnings, IsEmpty());
}

TEST(LabelAdvisor, WaitsNoLongerThanAllowed) {
  OpinionatedClassifier classifier;
  classifier.delay = 1h;
  const auto start = std::chrono::steady_clock::now();
  {
    LabelAdvisor advisor(&classifier);
    for (int i = 0; i < 10; ++i) {
      const Advice advice = advisor.advice(spec_of({"Dog", "dog"}), 20ms);
      EXPECT_THAT(advice.warnings, ElementsAre(HasSubstr("differ only")));
      EXPECT_FALSE(advice.complete);
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 30s);
}

TEST(LabelAdvisor, AsksNoModelAboutVeryManyLabelsOrWhereThereIsNone) {
  OpinionatedClassifier classifier;
  std::vector<std::string> many;
  for (std::size_t i = 0; i <= LabelAdvisor::kMostLabels; ++i)
    many.push_back("label " + std::to_string(i));
  EXPECT_THAT(LabelAdvisor(&classifier).advice(spec_of(many), 10s).warnings, IsEmpty());
  EXPECT_TRUE(LabelAdvisor(nullptr).advice(spec_of({"cat"}), 10s).complete);
  EXPECT_THAT(LabelAdvisor(nullptr).advice(spec_of({"cat"}), 10s).warnings,
              ElementsAre(HasSubstr("only label")));
  EXPECT_THAT(LabelAdvisor(&classifier).advice(JobSpec{}, 10s).warnings, IsEmpty());
  EXPECT_THAT(classifier.asked, IsEmpty());
}

}  // namespace
}  // namespace classifier
