// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/instructions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dockerfile/parse.h"

namespace shale::dockerfile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Result<Instruction> parsed(std::string_view text) {
  const SyntaxOutcome outcome = parse_syntax(text, "Dockerfile");
  if (!outcome.errors.empty()) return fail(outcome.errors.front());
  return parse_instruction(outcome.tree.nodes.front(), text);
}

template <typename Body>
Body body(std::string_view text) {
  auto instruction = parsed(text);
  if (!instruction) {
    ADD_FAILURE() << text << ": " << instruction.error().to_line();
    return {};
  }
  if (!std::holds_alternative<Body>(instruction->body)) {
    ADD_FAILURE() << text << " has another type";
    return {};
  }
  return std::get<Body>(instruction->body);
}

std::string message(std::string_view text) {
  const auto instruction = parsed(text);
  return instruction ? "no error" : instruction.error().message();
}

TEST(From, HasPlatformAndName) {
  const From from = body<From>("FROM --platform=$BUILDPLATFORM golang:${V} as Build.1");
  EXPECT_EQ(from.base, "golang:${V}");
  EXPECT_EQ(from.platform, "$BUILDPLATFORM");
  EXPECT_EQ(from.stage_name, "build.1");
  EXPECT_EQ(from.stage_name_text, "Build.1");
  EXPECT_EQ(from.as_text, "as");
  EXPECT_EQ(message("FROM a b"), "FROM requires either one or three arguments");
  EXPECT_EQ(message("FROM a IS b"), "FROM requires either one or three arguments");
  EXPECT_EQ(message("FROM"), "FROM requires either one or three arguments");
  EXPECT_EQ(message("FROM a AS 1x"),
            "invalid name for build stage: \"1x\", name can't start with a number or contain symbols");
}

TEST(Run, HasMountsAndModes) {
  const dockerfile::Run run = body<dockerfile::Run>(
      "RUN --mount=type=cache,target=/c --mount=from=base,target=/b --network=none --security=insecure make "
      "-j");
  EXPECT_TRUE(run.command.shell_form);
  EXPECT_THAT(run.command.arguments, ElementsAre("make -j"));
  ASSERT_THAT(run.mounts, SizeIs(2));
  EXPECT_EQ(run.mounts[0].text, "type=cache,target=/c");
  EXPECT_EQ(run.mounts[1].from, "base");
  EXPECT_EQ(run.network, "none");
  EXPECT_EQ(run.security, "insecure");
  EXPECT_FALSE(body<dockerfile::Run>("RUN [\"a\", \"b\"]").command.shell_form);
  EXPECT_THAT(body<dockerfile::Run>("RUN").command.arguments, IsEmpty());
  EXPECT_THAT(message("RUN --network=hots x"), HasSubstr("invalid network mode \"hots\""));
  EXPECT_THAT(message("RUN --mount=from=$X,target=/x y"),
              HasSubstr("'from' doesn't support variable expansion"));
}

TEST(Copy, TakesItsFlags) {
  const Copy copy = body<Copy>(
      "COPY --from=b --chown=1:2 --chmod=u+x --link --parents=false --exclude=*.o --exclude=x a 'b c' d/");
  EXPECT_THAT(copy.sources, ElementsAre("a", "'b", "c'"));
  EXPECT_EQ(copy.destination, "d/");
  EXPECT_EQ(copy.from, "b");
  EXPECT_EQ(copy.chown, "1:2");
  EXPECT_EQ(copy.chmod, "u+x");
  EXPECT_TRUE(copy.link);
  EXPECT_FALSE(copy.parents);
  EXPECT_THAT(copy.exclude, ElementsAre("*.o", "x"));
  EXPECT_THAT(body<Copy>("COPY [\"a b\", \"c\"]").sources, ElementsAre("a b"));
  EXPECT_EQ(
      message("COPY --from=$x a b"),
      "variable expansion is not supported for --from, define a new stage with FROM using ARG from global "
      "scope as a workaround");
}

TEST(Copy, HeredocsAreSources) {
  const Copy copy = body<Copy>("COPY plain <<A <<-\"B\" /d/\n$x\nA\n\ty\nB\n");
  EXPECT_THAT(copy.sources, ElementsAre("plain"));
  ASSERT_THAT(copy.inline_sources, SizeIs(2));
  EXPECT_EQ(copy.inline_sources[0].name, "A");
  EXPECT_EQ(copy.inline_sources[0].content, "$x\n");
  EXPECT_TRUE(copy.inline_sources[0].expand);
  EXPECT_EQ(copy.inline_sources[1].content, "y\n");
  EXPECT_FALSE(copy.inline_sources[1].expand);
  EXPECT_EQ(message("COPY a <<X\nX\n"), "COPY cannot accept a heredoc as a destination");
}

// No line opens a heredoc from within JSON: what docker makes of such a word is an empty file.
TEST(Copy, HeredocWordInJsonIsAnEmptyFile) {
  const Copy copy = body<Copy>("COPY [\"<<A\", \"plain\", \"/d/\"]");
  EXPECT_THAT(copy.sources, ElementsAre("plain"));
  ASSERT_THAT(copy.inline_sources, SizeIs(1));
  EXPECT_EQ(copy.inline_sources[0].name, "A");
  EXPECT_EQ(copy.inline_sources[0].content, "");
  EXPECT_EQ(message("ADD [\"a\", \"<<X\"]"), "ADD cannot accept a heredoc as a destination");
}

TEST(Add, HasItsOwnFlags) {
  const Add add = body<Add>("ADD --checksum=sha256:00 --keep-git-dir=true --unpack=false https://x/y /z");
  EXPECT_EQ(add.checksum, "sha256:00");
  EXPECT_EQ(add.keep_git_dir, true);
  EXPECT_EQ(add.unpack, false);
  EXPECT_EQ(body<Add>("ADD a b").unpack, std::nullopt);
  EXPECT_EQ(message("ADD --from=x a b"), "unknown flag: --from");
}

TEST(Flags, AreCheckedTogether) {
  const auto result = parsed("COPY --form=x --link=maybe --chown --from=a --from=b c d");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message(), "unknown flag: --form");
  EXPECT_THAT(result.error().hints(), ElementsAre("did you mean '--from'?"));
  EXPECT_EQ(result.error().span()->column, 6);
  EXPECT_EQ(result.error().span()->length, 6);
  ASSERT_THAT(result.error().others(), SizeIs(3));
  EXPECT_EQ(result.error().others()[0].message(), "expecting boolean value for flag --link, not: maybe");
  EXPECT_EQ(result.error().others()[1].message(), "missing a value on flag: --chown");
  EXPECT_EQ(result.error().others()[2].message(), "duplicate flag specified: --from");
  EXPECT_EQ(message("COPY --link= a b"), "missing a value on flag: --link");
  EXPECT_EQ(message("COPY -- --from a b"), "no error");
}

TEST(Arg, HasDefaultsAndDescriptions) {
  const Arg arg = body<Arg>("# V the version\nARG V=\"1 2\" W X=");
  ASSERT_THAT(arg.items, SizeIs(3));
  EXPECT_EQ(arg.items[0].name, "V");
  EXPECT_EQ(arg.items[0].value, "\"1 2\"");
  EXPECT_EQ(arg.items[0].description, "the version");
  EXPECT_EQ(arg.items[1].value, std::nullopt);
  EXPECT_EQ(arg.items[2].value, "");
  EXPECT_EQ(message("ARG =1"), "ARG names can not be blank");
}

TEST(Env, TakesBothForms) {
  const Env env = body<Env>("ENV a=1 b=\"x y\" c=");
  ASSERT_THAT(env.items, SizeIs(3));
  EXPECT_EQ(env.items[1].value, "\"x y\"");
  EXPECT_FALSE(env.items[1].legacy);
  const Env legacy = body<Env>("ENV a   b = c");
  ASSERT_THAT(legacy.items, SizeIs(1));
  EXPECT_EQ(legacy.items[0].value, "b = c");
  EXPECT_TRUE(legacy.items[0].legacy);
  EXPECT_EQ(message("ENV a=1 b"), "Syntax error - can't find = in \"b\". Must be of the form: name=value");
}

TEST(Healthcheck, BecomesTheImagesForm) {
  const HealthcheckCommand check =
      body<HealthcheckCommand>("HEALTHCHECK --interval=5m --timeout=3s --retries=4 CMD curl x || exit 1");
  EXPECT_THAT(check.test, ElementsAre("CMD-SHELL", "curl x || exit 1"));
  EXPECT_EQ(check.interval_ns, 300'000'000'000);
  EXPECT_EQ(check.timeout_ns, 3'000'000'000);
  EXPECT_EQ(check.retries, 4);
  EXPECT_THAT(body<HealthcheckCommand>("HEALTHCHECK CMD [\"a\"]").test, ElementsAre("CMD", "a"));
  EXPECT_THAT(body<HealthcheckCommand>("HEALTHCHECK none").test, ElementsAre("NONE"));
  EXPECT_THAT(message("HEALTHCHECK --interval=1us CMD x"), HasSubstr("cannot be less than 1ms"));
  EXPECT_THAT(message("HEALTHCHECK --retries=-1 CMD x"), HasSubstr("--retries cannot be negative"));
  EXPECT_THAT(message("HEALTHCHECK NONE x"), HasSubstr("takes no arguments"));
  EXPECT_THAT(body<HealthcheckCommand>("HEALTHCHECK --interval=5s NONE").test, ElementsAre("NONE"));
  EXPECT_THAT(message("HEALTHCHECK --every=5s NONE"), HasSubstr("unknown flag: --every"));
  EXPECT_THAT(message("HEALTHCHECK FOO x"), HasSubstr("unknown type \"FOO\" in HEALTHCHECK"));
}

TEST(Shell, MustBeJson) {
  EXPECT_THAT(body<Shell>("SHELL [\"/bin/bash\", \"-c\"]").arguments, ElementsAre("/bin/bash", "-c"));
  EXPECT_EQ(message("SHELL bash"), "SHELL requires the arguments to be in JSON form");
  EXPECT_EQ(message("SHELL []"), "SHELL requires at least one argument");
}

TEST(OnBuild, TriggerIsReadBack) {
  const OnBuild plain = body<OnBuild>("onbuild   COPY a b");
  EXPECT_EQ(plain.trigger, "COPY a b");
  const OnBuild heredoc = body<OnBuild>("ONBUILD RUN <<X cat\nhi\nX\n");
  EXPECT_EQ(heredoc.trigger, "RUN <<X cat\nhi\nX");
  const auto again = parse_trigger(heredoc.trigger, "image x");
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(std::get<dockerfile::Run>(again->body).heredocs[0].content, "hi\n");
  EXPECT_EQ(again->span.file, "image x");
  EXPECT_FALSE(parse_trigger("FROM a", "image x").has_value());
  EXPECT_FALSE(parse_trigger("RUN a\nRUN b", "image x").has_value());
  EXPECT_FALSE(parse_trigger("", "image x").has_value());
  EXPECT_EQ(message("ONBUILD ONBUILD RUN x"), "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  EXPECT_EQ(message("ONBUILD FROM x"), "FROM isn't allowed as an ONBUILD trigger");
}

TEST(Instruction, TitleHasTheKeywordInUpperCase) {
  EXPECT_EQ(parsed("copy a b")->title(), "COPY a b");
  EXPECT_EQ(parsed("Run a \\\n  b")->title(), "RUN a   b");
}

TEST(Others, AreRead) {
  EXPECT_EQ(body<Workdir>("WORKDIR /a b/c").path, "/a b/c");
  EXPECT_EQ(body<User>("USER 1:2").user, "1:2");
  EXPECT_THAT(body<Expose>("EXPOSE 80 $P/udp").ports, ElementsAre("80", "$P/udp"));
  EXPECT_THAT(body<Volume>("VOLUME [\"/a b\", \"/c\"]").paths, ElementsAre("/a b", "/c"));
  EXPECT_THAT(body<Volume>("VOLUME /a /b").paths, ElementsAre("/a", "/b"));
  EXPECT_EQ(body<StopSignal>("STOPSIGNAL SIGINT").signal, "SIGINT");
  EXPECT_EQ(body<Maintainer>("MAINTAINER a <b>").name, "a <b>");
  EXPECT_THAT(body<Cmd>("CMD echo hi").command.arguments, ElementsAre("echo hi"));
  EXPECT_THAT(body<Entrypoint>("ENTRYPOINT [\"x\"]").command.arguments, ElementsAre("x"));
  EXPECT_EQ(body<Label>("LABEL a=b").items[0].value, "b");
  EXPECT_EQ(message("WORKDIR"), "WORKDIR requires exactly one argument");
  EXPECT_EQ(message("VOLUME [\"\"]"), "VOLUME specified can not be an empty string");
}

}  // namespace
}  // namespace shale::dockerfile
