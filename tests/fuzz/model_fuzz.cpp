// Any text as a model.json and, after lines "%%", as its files of labels and of groups.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <string>

#include "adapters/inference/model_folder.hpp"
#include "fuzz.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace classifier;
using fuzz::demand;
namespace fs = std::filesystem;

void write(const fs::path& file, std::string_view text) {
  std::ofstream(file, std::ios::binary) << text;
}

void check(const ModelFolder& model, const fs::path& folder) {
  for (const auto& graph : {model.image_graph, model.int8_graph, model.text_graph}) {
    demand(graph.empty() || (graph.parent_path() == folder && fs::is_regular_file(graph)),
           "graphs are files in the folder");
  }
  demand(model.resize.width >= 1 && model.resize.width <= 4'096 && model.resize.height >= 1 &&
             model.resize.height <= 4'096,
         "inputs have 1 to 4,096 pixels a side");
  demand(model.resize.shortest_side >= std::max(model.resize.width, model.resize.height),
         "crops fit into the resized image");
  for (std::size_t i = 0; i < 3; ++i) {
    demand(std::isfinite(model.mean[i]) && std::isfinite(model.std[i]) && model.std[i] > 0,
           "mean and std are finite");
  }
  demand(std::isfinite(model.logit_scale) && model.logit_scale > 0,
         "logit_scale is finite and above 0");
  if (model.kind == ModelKind::kImageText) {
    demand(!model.prompts.empty() && !model.text_graph.empty(),
           "image-text models have prompts and a text graph");
    return;
  }
  demand(!model.labels.empty(), "a classifier has labels");
  for (const auto& label : model.labels)
    demand(!label.empty() && label == trim(label) && is_utf8(label), "labels are trimmed UTF-8");
}

// Takes what is before the next line "%%"; `otherwise` where nothing is left.
std::string_view next_part(std::string_view& text, std::string_view otherwise) {
  constexpr std::string_view kBreak = "\n%%\n";
  if (text.data() == nullptr) return otherwise;
  const std::size_t end = text.find(kBreak);
  const std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + kBreak.size());
  return part;
}

void check_groups(const ModelFolder& model) {
  const auto groups = read_label_groups(model);
  if (!groups) {
    fuzz::demand_sentence(groups.error());
    return;
  }
  std::set<std::string> names;
  std::set<std::string> labels;
  for (const auto& group : *groups) {
    demand(!group.name.empty() && is_utf8(group.name) && !has_control_character(group.name) &&
               names.insert(group.name).second,
           "names of groups can be shown, and differ");
    demand(!group.labels.empty(), "a group has labels");
    for (const auto& label : group.labels) {
      demand(labels.insert(label).second &&
                 std::ranges::find(model.labels, label) != model.labels.end(),
             "groups have the model's labels, once");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const testing::TempDir folder;
  static const bool made = [] {
    for (const char* const name : {"graph.xml", "text.xml"}) write(folder.path() / name, "graph");
    return true;
  }();
  (void)made;
  std::string_view text = fuzz::text_of(data, size);
  write(folder.path() / "model.json", next_part(text, ""));
  write(folder.path() / "labels.txt", next_part(text, "cat\ndog\n"));
  write(folder.path() / "groups.json", next_part(text, "{}"));
  const auto model = read_model_folder(folder.path());
  if (model) {
    check(*model, folder.path());
    check_groups(*model);
  } else {
    fuzz::demand_sentence(model.error());
  }
  ModelFolder here;
  here.path = folder.path();
  if (const auto verified = verify_model_files(here); !verified)
    fuzz::demand_sentence(verified.error());
  return 0;
}
