// SPDX-License-Identifier: Apache-2.0
// Any bytes as an image's name: what is accepted has one full and one familiar form, and both mean the same
// image.
#include "fuzz.h"
#include "image/platform.h"
#include "image/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace shale;
  using fuzz::check;
  const fuzz::CpuLimit limit;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto platform = image::Platform::parse(text)) {
    const auto again = image::Platform::parse(platform->to_string());
    check(again && *again == *platform, "a platform's text means that platform");
  }
  (void)Digest::parse(text);
  const auto reference = image::ImageRef::parse(text);
  if (!reference) {
    check(!reference.error().message().empty(), "errors have a text");
    return 0;
  }
  check(image::check_registry(reference->registry).has_value(), "the registry of a reference is one");
  check(image::check_repository(reference->repository).has_value(), "the repository of a reference is one");
  check(reference->tag.empty() || image::check_tag(reference->tag), "the tag of a reference is one");
  check(reference->manifest_reference().find('/') == std::string::npos, "a reference fits into a URL's path");
  for (const std::string& form : {reference->full(), reference->familiar()}) {
    const auto again = image::ImageRef::parse(form);
    check(again.has_value(), "both forms of a reference are references");
    check(again->full() == reference->full(), "both forms of a reference mean the same");
  }
  return 0;
}
