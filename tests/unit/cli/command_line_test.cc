// SPDX-License-Identifier: Apache-2.0
// Tests of how command lines are taken apart.
#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shale::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

CommandLine parsed(const std::vector<std::string>& words) {
  Result<CommandLine> line = parse_command_line(words);
  if (!line) {
    ADD_FAILURE() << render(line.error(), false);
    return {};
  }
  return std::move(*line);
}

std::string error_of(const std::vector<std::string>& words) {
  Result<CommandLine> line = parse_command_line(words);
  if (line) {
    ADD_FAILURE() << "accepted";
    return {};
  }
  EXPECT_EQ(exit_code(line.error()), 2);
  return render(line.error(), false);
}

TEST(CommandLine, OptionsMayStandBeforeAndAfterTheContext) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"build", "-t", "a:1", "--no-cache", "dir"},
           {"build", "dir", "-t", "a:1", "--no-cache"},
           {"build", "-t", "a:1", "dir", "--no-cache"},
           {"build", "--no-cache", "dir", "-ta:1"},
           {"build", "--no-cache", "dir", "-t=a:1"},
           {"build", "dir", "--tag=a:1", "--no-cache=true"},
       }) {
    const CommandLine line = parsed(words);
    SCOPED_TRACE(testing::PrintToString(words));
    EXPECT_THAT(line.arguments, ElementsAre("dir"));
    EXPECT_THAT(line.list("tag"), ElementsAre("a:1"));
    EXPECT_TRUE(line.flag("no-cache"));
  }
}

TEST(CommandLine, RepeatedOptionsKeepTheirOrder) {
  const CommandLine line =
      parsed({"build", "-t", "a", ".", "-tb", "--tag=c", "--build-arg", "X=1", "--build-arg=Y=2=3"});
  EXPECT_THAT(line.list("tag"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(line.list("build-arg"), ElementsAre("X=1", "Y=2=3"));
}

TEST(CommandLine, LastOfARepeatedSingleValueCounts) {
  EXPECT_EQ(parsed({"build", "-f", "one", "-f", "two"}).value("file"), "two");
}

TEST(CommandLine, EmptyValueAfterEqualsIsAValue) {
  const CommandLine line = parsed({"build", "--target=", "dir", "--build-arg="});
  EXPECT_TRUE(line.has("target"));
  EXPECT_EQ(line.value("target"), "");
  EXPECT_THAT(line.list("build-arg"), ElementsAre(""));
  EXPECT_THAT(line.arguments, ElementsAre("dir"));
  EXPECT_EQ(parsed({"build", "--target", "", "dir"}).value("target"), "");
}

TEST(CommandLine, ValuesMayLookLikeOptionsOrLists) {
  const CommandLine line =
      parsed({"build", "--label", "--no-cache", "-f", "-", "--build-arg", "[a,b]", "-o", "--"});
  EXPECT_THAT(line.list("label"), ElementsAre("--no-cache"));
  EXPECT_FALSE(line.flag("no-cache"));
  EXPECT_EQ(line.value("file"), "-");
  EXPECT_THAT(line.list("build-arg"), ElementsAre("[a,b]"));
  EXPECT_THAT(line.list("output"), ElementsAre("--"));
}

TEST(CommandLine, DashIsAnArgument) { EXPECT_THAT(parsed({"build", "-"}).arguments, ElementsAre("-")); }

TEST(CommandLine, DoubleDashEndsOptions) {
  const CommandLine line = parsed({"build", "-q", "--", "--tag"});
  EXPECT_THAT(line.arguments, ElementsAre("--tag"));
  EXPECT_FALSE(line.has("tag"));
}

TEST(CommandLine, BundledLettersAreSeparateOptions) {
  const CommandLine line = parsed({"build", "-qt", "a:1", "dir"});
  EXPECT_TRUE(line.flag("quiet"));
  EXPECT_THAT(line.list("tag"), ElementsAre("a:1"));
  EXPECT_THAT(line.arguments, ElementsAre("dir"));
}

TEST(CommandLine, BracketedArgumentStaysWhole) {
  EXPECT_THAT(parsed({"rmi", "[a,b]", "c"}).arguments, ElementsAre("[a,b]", "c"));
}

TEST(CommandLine, FlagsTakeGoBooleans) {
  EXPECT_FALSE(parsed({"build", "--no-cache=false"}).flag("no-cache"));
  EXPECT_TRUE(parsed({"build", "--no-cache=1"}).flag("no-cache"));
  EXPECT_THAT(error_of({"build", "--no-cache=perhaps"}),
              HasSubstr("'--no-cache=perhaps' is neither true nor false"));
}

TEST(CommandLine, PullTakesAPolicyOnlyAfterEquals) {
  EXPECT_EQ(parsed({"build", "--pull=always", "dir"}).value("pull"), "always");
  const CommandLine line = parsed({"build", "--pull", "dir"});
  EXPECT_EQ(line.value("pull"), "true");
  EXPECT_THAT(line.arguments, ElementsAre("dir"));
}

TEST(CommandLine, GlobalOptionsStandBeforeOrAfterTheCommand) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--root", "/s", "--debug", "images", "-q"},
                                             {"--root=/s", "images", "--debug", "-q"},
                                             {"images", "-q", "--root", "/s", "--debug"}}) {
    const CommandLine line = parsed(words);
    SCOPED_TRACE(testing::PrintToString(words));
    ASSERT_NE(line.command, nullptr);
    EXPECT_STREQ(line.command->name, "images");
    EXPECT_EQ(line.value("root"), "/s");
    EXPECT_TRUE(line.flag("debug"));
    EXPECT_TRUE(line.flag("quiet"));
    EXPECT_THAT(line.arguments, IsEmpty());
  }
}

TEST(CommandLine, ImageSubcommandsAreTheCommandsTheyAbbreviate) {
  EXPECT_STREQ(parsed({"image", "ls", "-q"}).command->name, "images");
  EXPECT_STREQ(parsed({"--debug", "image", "rm", "x"}).command->name, "rmi");
  EXPECT_THAT(parsed({"image", "rm", "x"}).arguments, ElementsAre("x"));
  EXPECT_THAT(error_of({"image"}), HasSubstr("'shale image' needs one of ls"));
  EXPECT_THAT(error_of({"image", "frob"}), HasSubstr("there is no 'shale image frob', only ls, rm"));
  EXPECT_THAT(error_of({"image", "histroy"}), HasSubstr("did you mean 'history'?"));
  EXPECT_THAT(error_of({"image", "prune"}),
              HasSubstr("'shale prune' removes images without a name and the build"));
}

TEST(CommandLine, DockersNamesOfBuildAreTaken) {
  for (const char* name : {"buildx", "builder"}) {
    const CommandLine line = parsed({name, "build", "-t", "a", "."});
    EXPECT_STREQ(line.command->name, "build");
    EXPECT_THAT(line.arguments, ElementsAre("."));
  }
  EXPECT_STREQ(parsed({"buildx", "b"}).command->name, "build");
  EXPECT_THAT(error_of({"buildx", "create"}),
              HasSubstr("there is no 'shale buildx create', only build, prune, b"));
  EXPECT_STREQ(parsed({"builder", "prune", "-af"}).command->name, "prune");
  EXPECT_STREQ(parsed({"system", "prune", "-af", "--volumes"}).command->name, "prune");
}

TEST(CommandLine, CommandsThatOnlyDockerHasSayWhatToDo) {
  EXPECT_EQ(error_of({"run", "--rm", "-it", "app"}),
            "error: there is no 'shale run': Shale builds images, it does not run them\n"
            "  hint: 'shale save IMAGE | docker load', or '| podman load', gives an image to what runs it\n");
  EXPECT_THAT(error_of({"system", "df"}), HasSubstr("what it gave back"));
}

TEST(CommandLine, LetterVIsTheVersionInFrontOnly) {
  EXPECT_TRUE(parsed({"-v"}).flag("version"));
  EXPECT_THAT(error_of({"build", "-v", "/a:/b", "."}), HasSubstr("--build-context NAME=DIRECTORY"));
  EXPECT_THAT(error_of({"images", "-v"}), HasSubstr("unknown option '-v'"));
}

TEST(CommandLine, HelpNeedsNoArguments) {
  EXPECT_TRUE(parsed({"rmi", "--help"}).flag("help"));
  EXPECT_TRUE(parsed({"rmi", "-h"}).flag("help"));
  EXPECT_EQ(parsed({"--help"}).command, nullptr);
  EXPECT_EQ(parsed({}).command, nullptr);
}

TEST(CommandLine, UnknownOptionNamesTheNearest) {
  EXPECT_EQ(error_of({"build", "--taget", "x", "."}),
            "error: unknown option '--taget' of 'shale build'\n"
            "  hint: did you mean '--target'?\n"
            "  hint: see 'shale build --help'\n");
  EXPECT_THAT(error_of({"build", ".", "--buld-arg=A=1"}), HasSubstr("did you mean '--build-arg'?"));
  EXPECT_THAT(error_of({"build", "-Z"}), HasSubstr("unknown option '-Z' of 'shale build'"));
  EXPECT_THAT(error_of({"--rot", "/x", "images"}), HasSubstr("did you mean '--root'?"));
  EXPECT_THAT(error_of({"images", "--tag", "x"}), HasSubstr("unknown option '--tag' of 'shale images'"));
}

TEST(CommandLine, OptionsThatOnlyDockerHasSayWhatToDo) {
  EXPECT_EQ(error_of({"prune", "-af", "--keep-storage=10GB"}),
            "error: there is no option '--keep-storage' of 'shale prune'\n"
            "  hint: prune goes by age, not by size: --filter until=24h\n");
  EXPECT_THAT(error_of({"pull", "-a", "alpine"}), HasSubstr("give each its tag"));
  EXPECT_THAT(error_of({"push", "--tls-verify=false", "x"}), HasSubstr("SHALE_INSECURE_REGISTRIES"));
  EXPECT_THAT(error_of({"images", "-m"}), HasSubstr("unknown option '-m'"));
}

TEST(CommandLine, UnknownCommandNamesTheNearest) {
  EXPECT_EQ(error_of({"biuld", "."}), "error: unknown command 'biuld'\n  hint: did you mean 'build'?\n");
  EXPECT_THAT(error_of({"zzzzzzzz"}), HasSubstr("see 'shale --help'"));
}

TEST(CommandLine, MissingValueNamesTheOption) {
  EXPECT_THAT(error_of({"build", ".", "--tag"}), HasSubstr("option '--tag' needs a value"));
  EXPECT_THAT(error_of({"build", ".", "-t"}), HasSubstr("option '-t' needs a value"));
}

TEST(CommandLine, ArgumentCountsAreChecked) {
  EXPECT_THAT(error_of({"rmi"}), HasSubstr("'shale rmi' requires at least 1 argument, 0 given\n"
                                           "  hint: usage: shale rmi [OPTIONS] IMAGE [IMAGE...]"));
  EXPECT_THAT(error_of({"tag", "a"}), HasSubstr("'shale tag' requires 2 arguments, 1 given"));
  EXPECT_THAT(error_of({"build", "a", "b"}), HasSubstr("'shale build' accepts at most 1 argument, 2 given"));
  EXPECT_THAT(error_of({"version", "a"}), HasSubstr("'shale version' accepts no arguments, 1 given"));
}

TEST(CommandLine, OptionsWithoutEffectAreNoted) {
  const CommandLine line = parsed({"build", "--rm", "--provenance=max", "--squash", "-m", "1g", "."});
  EXPECT_THAT(line.notes(),
              ElementsAre(HasSubstr("--provenance has no effect: "), HasSubstr("--rm has no effect: "),
                          HasSubstr("--squash has no effect: ")));
  EXPECT_THAT(parsed({"build", "-q", "."}).notes(), IsEmpty());
}

TEST(CommandLine, WhatIsDoneAnywayIsNotNoted) {
  EXPECT_THAT(parsed({"build", "--provenance=false", "--sbom=false", "--squash=false", "--compress=0",
                      "--attest=type=sbom,disabled=true"})
                  .notes(),
              IsEmpty());
  EXPECT_THAT(parsed({"build", "--sbom=false", "--sbom=true"}).notes(),
              ElementsAre(HasSubstr("--sbom has no effect: ")));
}

TEST(OptionTable, NamesAndLettersAreUniqueWithinACommand) {
  for (const CommandSpec& command : commands()) {
    std::vector<std::string> names;
    std::string letters;
    auto add = [&](std::span<const OptionSpec> options) {
      for (const OptionSpec& option : options) {
        EXPECT_THAT(names, testing::Not(testing::Contains(option.name))) << command.name;
        names.emplace_back(option.name);
        if (option.letter == 0) continue;
        EXPECT_EQ(letters.find(option.letter), std::string::npos) << command.name << " -" << option.letter;
        letters += option.letter;
      }
    };
    add(command.options);
    add(global_options());
  }
}

TEST(Help, FollowsDockersLayoutAndWraps) {
  EXPECT_EQ(command_help(*find_command("rmi"), 60),
            "Usage:  shale rmi [OPTIONS] IMAGE [IMAGE...]\n"
            "\n"
            "Remove one or more images\n"
            "\n"
            "Aliases:\n"
            "  shale image rm, shale image remove, shale rmi\n"
            "\n"
            "Options:\n"
            "  -f, --force   Force removal of the image\n"
            "\n"
            "Global Options:\n"
            "  -D, --debug         Show more about errors and resource\n"
            "                      use\n"
            "  -h, --help          Show help and exit\n"
            "      --root string   Directory of the store\n"
            "      --version       Print version information and quit\n"
            "\n"
            "Accepted without effect:\n"
            "   --no-prune\n");
}

TEST(Help, GeneralHelpNamesEveryCommand) {
  const std::string help = general_help(80);
  for (const CommandSpec& command : commands())
    EXPECT_THAT(help, HasSubstr(std::string("\n  ") + command.name + " "));
}

}  // namespace
}  // namespace shale::cli
