// SPDX-License-Identifier: Apache-2.0
#include "cli/image_filter.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <functional>

#include "cli/units.h"
#include "shale/suggest.h"

namespace shale::cli {

namespace {

using Test = std::function<bool(const ImageSummary&)>;

bool matches(const ImageSummary& image, const std::string& pattern) {
  const std::string name = fmt::format("{}:{}", image.repository, image.tag);
  return fnmatch(pattern.c_str(), image.repository.c_str(), FNM_PATHNAME) == 0 ||
         fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME) == 0;
}

bool is_called(const ImageSummary& image, std::string_view name) {
  if (fmt::format("{}:{}", image.repository, image.tag) == name) return true;
  if (image.repository == name && image.tag == "latest") return true;
  return !name.empty() && (image.id.hex().starts_with(name) || image.id.to_string().starts_with(name));
}

Result<std::chrono::system_clock::time_point> time_of(std::span<const ImageSummary> images,
                                                      const std::string& name) {
  const auto found =
      std::ranges::find_if(images, [&](const ImageSummary& image) { return is_called(image, name); });
  if (found == images.end())
    return fail(ErrorKind::kNotFound, fmt::format("no image '{}' in the store", name));
  return found->created;
}

Result<Test> dangling(const std::string& value) {
  for (const char* word : {"true", "1"})
    if (value == word) return [](const ImageSummary& image) { return image.repository == "<none>"; };
  for (const char* word : {"false", "0"})
    if (value == word) return [](const ImageSummary& image) { return image.repository != "<none>"; };
  return fail(Error(ErrorKind::kUsage, fmt::format("'dangling={}' is neither true nor false", value)));
}

Test labelled(const std::string& label) {
  const std::size_t equals = label.find('=');
  return [key = label.substr(0, equals), any = equals == std::string::npos,
          value = equals == std::string::npos ? std::string()
                                              : label.substr(equals + 1)](const ImageSummary& image) {
    const auto found = image.labels.find(key);
    return found != image.labels.end() && (any || found->second == value);
  };
}

Result<Test> test_of(std::span<const ImageSummary> images, const std::string& key, const std::string& value,
                     std::chrono::system_clock::time_point now) {
  if (key == "dangling") return dangling(value);
  if (key == "label") return labelled(value);
  if (key == "until") {
    ASSIGN_OR_RETURN(const std::chrono::seconds age, parse_age(value));
    return [latest = now - age](const ImageSummary& image) { return image.created < latest; };
  }
  if (key == "before") {
    ASSIGN_OR_RETURN(const auto time, time_of(images, value));
    return [time](const ImageSummary& image) { return image.created < time; };
  }
  if (key == "since") {
    ASSIGN_OR_RETURN(const auto time, time_of(images, value));
    return [time](const ImageSummary& image) { return image.created > time; };
  }
  const std::vector<std::string> known = {"dangling", "reference", "label", "before", "since", "until"};
  Error error(ErrorKind::kUsage, fmt::format("unknown filter '{}'", key));
  if (!hint_nearest(error, key, known))
    error.add_hint(fmt::format("--filter takes {}", fmt::join(known, "=, ")) + "=");
  return fail(std::move(error));
}

}  // namespace

std::vector<ImageSummary> matching_images(std::vector<ImageSummary> images, const std::string& pattern) {
  if (pattern.empty()) return images;
  std::erase_if(images, [&](const ImageSummary& image) { return !matches(image, pattern); });
  return images;
}

Result<std::vector<ImageSummary>> filter_images(std::vector<ImageSummary> images,
                                                std::span<const std::string> filters,
                                                std::chrono::system_clock::time_point now) {
  std::vector<Test> tests;
  std::vector<std::string> references;
  for (const std::string& filter : filters) {
    const std::size_t equals = filter.find('=');
    if (equals == std::string::npos)
      return fail(Error(ErrorKind::kUsage, fmt::format("the filter '{}' has no value", filter))
                      .hint("for example --filter dangling=true"));
    const std::string key = filter.substr(0, equals);
    const std::string value = filter.substr(equals + 1);
    if (key == "reference") {
      references.push_back(value);
      continue;
    }
    ASSIGN_OR_RETURN(Test test, test_of(images, key, value, now));
    tests.push_back(std::move(test));
  }
  if (!references.empty())
    tests.emplace_back([references](const ImageSummary& image) {
      return std::ranges::any_of(references, [&](const std::string& each) { return matches(image, each); });
    });
  std::erase_if(images, [&](const ImageSummary& image) {
    return !std::ranges::all_of(tests, [&](const Test& test) { return test(image); });
  });
  return images;
}

}  // namespace shale::cli
