// SPDX-License-Identifier: Apache-2.0
// Tests of the lists of images: which are shown, and how.
#include "cli/image_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/image_filter.h"

namespace shale::cli {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

ImageSummary image(const char* repository, const char* tag, const char* content, std::uint64_t size) {
  return {.repository = repository,
          .tag = tag,
          .id = Digest::of(content),
          .created = std::chrono::system_clock::time_point(1'700'000'000s),
          .size_bytes = size};
}

TEST(ImageTable, LooksLikeDockers) {
  const std::vector<ImageSummary> images = {image("app", "latest", "one", 1'860'000'000),
                                            image("<none>", "<none>", "two", 74'800'000)};
  ListStyle style{.now = std::chrono::system_clock::time_point(1'700'007'200s)};
  EXPECT_EQ(*render_images(images, style),
            "REPOSITORY   TAG      IMAGE ID       CREATED       SIZE\n"
            "app          latest   7692c3ad3540   2 hours ago   1.86GB\n"
            "<none>       <none>   3fc4ccfe7458   2 hours ago   74.8MB\n");
  style.format = "json";
  EXPECT_EQ(*render_images(std::span(images).first(1), style),
            "{\"CreatedAt\":\"2023-11-14 22:13:20 +0000 UTC\",\"CreatedSince\":\"2 hours "
            "ago\",\"Digest\":\"<none>\",\"ID\":\"7692c3ad3540\","
            "\"Repository\":\"app\",\"Size\":\"1.86GB\",\"SizeBytes\":1860000000,\"Tag\":\"latest\"}\n");
}

TEST(ImageTable, QuietShowsEachIdOnce) {
  const std::vector<ImageSummary> images = {image("a", "1", "one", 1), image("a", "2", "one", 1),
                                            image("b", "1", "two", 1)};
  EXPECT_EQ(*render_images(images, {.ids_only = true, .whole = true}),
            Digest::of("one").to_string() + "\n" + Digest::of("two").to_string() + "\n");
}

TEST(ImageTable, FormatShapesTheList) {
  std::vector<ImageSummary> images = {image("app", "latest", "one", 1), image("<none>", "<none>", "two", 2)};
  images[0].digest = Digest::of("manifest");
  ListStyle style{.format = "{{.Repository}}:{{.Tag}} {{.SizeBytes}}"};
  EXPECT_EQ(*render_images(images, style), "app:latest 1\n<none>:<none> 2\n");
  style.format = R"(table {{.ID}}\t{{lower .Tag}})";
  EXPECT_EQ(*render_images(images, style),
            "IMAGE ID       tag\n7692c3ad3540   latest\n3fc4ccfe7458   <none>\n");
  EXPECT_EQ(*render_images({}, style), "IMAGE ID   tag\n");
  style = {.digests = true};
  EXPECT_THAT(*render_images(images, style), HasSubstr("app          latest   sha256:"));
  style.format = "{{.Repo}}";
  const Result<std::string> wrong = render_images(images, style);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(render(wrong.error(), false), HasSubstr("there is no field 'Repo'"));
}

TEST(ImageTable, HistoryLooksLikeDockers) {
  const std::vector<HistoryStep> steps = {
      {.image = Digest::of("one"),
       .created = std::chrono::system_clock::time_point(1'700'000'000s),
       .created_by = "RUN /bin/sh -c apt-get install -y everything\tthere is # buildkit",
       .size_bytes = 1'860'000,
       .comment = "buildkit.dockerfile.v0"},
      {.created_by = "CMD [\"sh\"]"}};
  ListStyle style{.now = std::chrono::system_clock::time_point(1'700'007'200s)};
  EXPECT_EQ(*render_history(steps, style),
            "IMAGE          CREATED       CREATED BY                                      SIZE     COMMENT\n"
            "7692c3ad3540   2 hours ago   RUN /bin/sh -c apt-get install -y everythi...   1.86MB   "
            "buildkit.dockerfile.v0\n"
            "<missing>      N/A           CMD [\"sh\"]                                      0B       \n");
  style = {.format = "{{.CreatedSince}} {{.Size}} {{.CreatedBy}}", .whole = true, .exact = true};
  EXPECT_EQ(
      *render_history(std::span(steps).first(1), style),
      "2023-11-14T22:13:20Z 1860000 RUN /bin/sh -c apt-get install -y everything there is # buildkit\n");
  EXPECT_EQ(*render_history(steps, {.ids_only = true}), "7692c3ad3540\n<missing>\n");
}

TEST(ImageFilter, SelectsAsDockers) {
  std::vector<ImageSummary> images = {image("r:5000/team/app", "1", "one", 1),
                                      image("app", "latest", "two", 1),
                                      image("<none>", "<none>", "three", 1)};
  images[0].created += 2s;
  images[1].created += 1s;
  images[1].labels = {{"stage", "test"}};
  const auto shown = [&](const std::vector<std::string>& filters) {
    const Result<std::vector<ImageSummary>> left =
        filter_images(images, filters, images[0].created + std::chrono::hours(1));
    if (!left) return render(left.error(), false);
    std::string text;
    for (const ImageSummary& each : *left) text += each.repository + ' ';
    return text;
  };
  EXPECT_EQ(shown({}), "r:5000/team/app app <none> ");
  EXPECT_EQ(shown({"dangling=true"}), "<none> ");
  EXPECT_EQ(shown({"dangling=0"}), "r:5000/team/app app ");
  EXPECT_EQ(shown({"reference=app"}), "app ");
  EXPECT_EQ(shown({"reference=app", "reference=*/team/*:1"}), "r:5000/team/app app ");
  EXPECT_EQ(shown({"label=stage"}), "app ");
  EXPECT_EQ(shown({"label=stage=test", "dangling=false"}), "app ");
  EXPECT_EQ(shown({"label=stage=prod"}), "");
  EXPECT_EQ(shown({"before=app"}), "<none> ");
  EXPECT_EQ(shown({"since=" + images[1].id.short_hex()}), "r:5000/team/app ");
  EXPECT_EQ(shown({"until=59m"}), "r:5000/team/app app <none> ");
  EXPECT_EQ(shown({"until=2h"}), "");
  EXPECT_THAT(shown({"dangling"}), HasSubstr("the filter 'dangling' has no value"));
  EXPECT_THAT(shown({"danglin=1"}), HasSubstr("did you mean 'dangling'?"));
  EXPECT_THAT(shown({"since=nothing"}), HasSubstr("no image 'nothing' in the store"));
}

TEST(ImageTable, ArgumentSelectsRepositoryOrTag) {
  const std::vector<ImageSummary> images = {image("a", "1", "one", 1), image("a", "2", "one", 1),
                                            image("a/b", "1", "two", 1)};
  EXPECT_EQ(matching_images(images, "a").size(), 2U);
  EXPECT_EQ(matching_images(images, "a:2").size(), 1U);
  EXPECT_EQ(matching_images(images, "").size(), 3U);
  EXPECT_EQ(matching_images(images, "c").size(), 0U);
  EXPECT_EQ(matching_images(images, "a/*").size(), 1U);
  EXPECT_EQ(matching_images(images, "*").size(), 2U);
  EXPECT_EQ(matching_images(images, "*:2").size(), 1U);
}

}  // namespace
}  // namespace shale::cli
