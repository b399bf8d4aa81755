// SPDX-License-Identifier: Apache-2.0
#include "shale/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shale {
namespace {

using testing::HasSubstr;

constexpr std::string_view kImage =
    R"({"Id":"sha256:0123","RepoTags":["a:1","b:2"],"Size":1234,"Config":{"Env":["A=b","C=d"],)"
    R"("Labels":{"org.x/y":"z","b":"c"},"Entrypoint":null,"User":"","Ports":{"80/tcp":{}}}})";

std::string filled(std::string_view pattern) {
  Result<std::string> text = fill_template(pattern, kImage);
  if (text) return std::move(*text);
  ADD_FAILURE() << pattern << ": " << render(text.error(), false);
  return {};
}

std::string error_of(std::string_view pattern) {
  const Result<std::string> text = fill_template(pattern, kImage);
  if (!text) return render(text.error(), false);
  ADD_FAILURE() << pattern << " gave " << *text;
  return {};
}

TEST(Template, ValuesArePrintedAsGoPrintsThem) {
  EXPECT_EQ(filled("id {{.Id}}, {{ .Size }} bytes"), "id sha256:0123, 1234 bytes");
  EXPECT_EQ(filled("{{.RepoTags}} {{.Config.Labels}} {{.Config.Entrypoint}}"),
            "[a:1 b:2] map[b:c org.x/y:z] <nil>");
  EXPECT_EQ(filled("{{.Config.Ports}}"), "map[80/tcp:{}]");
  EXPECT_EQ(filled("{{\"}}\"}}{{`a\\n`}}{{\"\\t\"}}{{-3}}{{true}}"), "}}a\\n\t-3true");
  EXPECT_EQ(filled(""), "");
}

TEST(Template, FunctionsAreDockers) {
  EXPECT_EQ(filled("{{json .Config.Env}}"), R"(["A=b","C=d"])");
  EXPECT_EQ(filled("{{.RepoTags | json}}"), R"(["a:1","b:2"])");
  EXPECT_EQ(
      filled("{{index .RepoTags 1}} {{index .Config.Labels \"org.x/y\"}}[{{index .Config.Labels \"q\"}}]"),
      "b:2 z[]");
  EXPECT_EQ(filled("{{join .Config.Env \", \"}} {{len .RepoTags}} {{len .Id}}"), "A=b, C=d 2 11");
  EXPECT_EQ(filled("{{index (split .Id \":\") 1}} {{(index .RepoTags 0) | upper}}"), "0123 A:1");
  EXPECT_EQ(filled("{{slice .Id 7 9}} {{slice .Id 9}} {{printf \"%.6s %d%% %q\" .Id .Size .Config.User}}"),
            "01 23 sha256 1234% \"\"");
  EXPECT_EQ(filled("{{or .Config.User .Size}} {{and .Size .Config.User}}|"), "1234 |");
  EXPECT_EQ(filled("{{truncate .Id 6}} {{println .Size .Id}}"), "sha256 1234 sha256:0123\n");
}

TEST(Template, BlocksRepeatAndChoose) {
  EXPECT_EQ(filled("{{range .Config.Env}}{{println .}}{{end}}"), "A=b\nC=d\n");
  EXPECT_EQ(filled("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}"), "org.x/y=z;b=c;");
  EXPECT_EQ(filled("{{range $i, $t := .RepoTags}}{{if $i}},{{end}}{{$t}}{{$.Size}}{{end}}"),
            "a:11234,b:21234");
  EXPECT_EQ(filled("{{if .Config.User}}{{.Config.User}}{{else}}root{{end}}"), "root");
  EXPECT_EQ(filled("{{if eq .Size 1234}}yes{{end}}{{if not .Config.Entrypoint}} none{{end}}"), "yes none");
  EXPECT_EQ(
      filled("{{with .Config}}{{.Env}}{{else}}no{{end}}{{with .Config.User}}x{{else}} {{.Size}}{{end}}"),
      "[A=b C=d] 1234");
  EXPECT_EQ(filled("{{range .Config.Entrypoint}}x{{else}}empty{{end}}"), "empty");
  EXPECT_EQ(filled("a {{- .Size -}} b{{/* nothing */}}"), "a1234b");
}

TEST(Template, MistakesAreNamed) {
  EXPECT_THAT(error_of("{{.RepoTag}}"), testing::AllOf(HasSubstr("there is no field 'RepoTag'"),
                                                       HasSubstr("did you mean 'RepoTags'?")));
  EXPECT_THAT(error_of("{{.Config.Zzzzzzzzzzz}}"),
              HasSubstr("there is Env, Labels, Entrypoint, User, Ports"));
  EXPECT_THAT(error_of("{{jsn .Id}}"), HasSubstr("did you mean 'json'?"));
  EXPECT_THAT(error_of("{{.Id"), HasSubstr("'{{' without '}}'"));
  EXPECT_THAT(error_of("{{range .RepoTags}}x"), HasSubstr("an 'end' is missing"));
  EXPECT_THAT(error_of("{{end}}"), HasSubstr("'end' without if or range"));
  EXPECT_THAT(error_of("{{index .RepoTags 7}}"), HasSubstr("index 7 of a list of 2"));
  EXPECT_THAT(error_of("{{.Id .Size}}"), HasSubstr("a value is used as a function"));
  EXPECT_THAT(error_of("{{len}}"), HasSubstr("len does not take 0 arguments"));
  EXPECT_THAT(error_of("{{$x}}"), HasSubstr("there is no variable '$x'"));
  for (const char* broken :
       {"{{}}", "{{(.Id}}", "{{.Id)}}", "{{\"a}}", "{{3x}}", "{{.Id |}}", "{{define .Id}}{{end}}",
        "{{printf \"%s\"}}", "{{printf \"%x\" .Id}}", "{{slice .Id 3 2}}", "{{slice .Id 99}}",
        "{{if .Id}}{{else}}{{else}}{{end}}", "{{?}}"})
    EXPECT_THAT(error_of(broken), HasSubstr("template: ")) << broken;
}

}  // namespace
}  // namespace shale
