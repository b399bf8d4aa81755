// SPDX-License-Identifier: Apache-2.0
// Tests of what a `shale build` command line asks for.
#include "cli/build_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace shale::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

Result<BuildRequest> request_of(std::vector<std::string> words) {
  words.insert(words.begin(), "build");
  Result<CommandLine> line = parse_command_line(words);
  if (!line) return std::unexpected(line.error());
  return make_build_request(*line, [](const std::string& name) -> std::optional<std::string> {
    if (name == "SET") return "from environment";
    return std::nullopt;
  });
}

BuildRequest good(std::vector<std::string> words) {
  Result<BuildRequest> request = request_of(std::move(words));
  if (!request) {
    ADD_FAILURE() << render(request.error(), false);
    return {};
  }
  return std::move(*request);
}

std::string bad(std::vector<std::string> words) {
  Result<BuildRequest> request = request_of(std::move(words));
  if (request) {
    ADD_FAILURE() << "accepted";
    return {};
  }
  EXPECT_EQ(exit_code(request.error()), 2);
  return render(request.error(), false);
}

TEST(BuildRequest, PlatformOfTheEnvironmentIsADefault) {
  const auto platform_of = [](const std::vector<std::string>& words) {
    const Result<CommandLine> line = parse_command_line(words);
    const Result<BuildRequest> request = make_build_request(*line, [](const std::string& name) {
      return name == "DOCKER_DEFAULT_PLATFORM" ? std::optional<std::string>("linux/arm64") : std::nullopt;
    });
    return request ? request->platform : render(request.error(), false);
  };
  EXPECT_EQ(platform_of({"build"}), "linux/arm64");
  EXPECT_EQ(platform_of({"build", "--platform", "linux/amd64"}), "linux/amd64");
}

TEST(BuildRequest, DefaultsAskForThisDirectoryAndTheStore) {
  const BuildRequest request = good({});
  EXPECT_EQ(request.context, ".");
  EXPECT_EQ(request.dockerfile, "");
  EXPECT_EQ(request.store_root, "");
  EXPECT_THAT(request.outputs, IsEmpty());
  EXPECT_EQ(request.network, NetworkMode::kDefault);
  EXPECT_FALSE(request.pull);
  EXPECT_EQ(request.jobs, 0);
}

TEST(BuildRequest, EveryOptionArrives) {
  const BuildRequest request = good({"ctx",
                                     "-t",
                                     "a:1",
                                     "-t",
                                     "b",
                                     "-f",
                                     "D",
                                     "--target",
                                     "final",
                                     "--build-arg",
                                     "A=1",
                                     "--build-arg",
                                     "SET",
                                     "--label",
                                     "k=v=w",
                                     "--label",
                                     "bare",
                                     "--build-context",
                                     "src=../src",
                                     "--secret",
                                     "id=s,src=/f",
                                     "--network",
                                     "none",
                                     "--jobs",
                                     "3",
                                     "--pull",
                                     "--platform",
                                     "linux/arm64",
                                     "--no-cache",
                                     "--no-cache-filter",
                                     "x,y",
                                     "--no-cache-filter",
                                     "z",
                                     "--add-host",
                                     "db:10.0.0.2",
                                     "--add-host",
                                     "six=[::1]",
                                     "--shm-size",
                                     "128m",
                                     "--ulimit",
                                     "nofile=1:2",
                                     "--security-opt",
                                     "seccomp=p.json",
                                     "--security-opt=no-new-privileges",
                                     "--iidfile",
                                     "i",
                                     "--metadata-file",
                                     "m",
                                     "-o",
                                     "out",
                                     "--root",
                                     "/store"});
  EXPECT_EQ(request.context, "ctx");
  EXPECT_THAT(request.tags, ElementsAre("a:1", "b"));
  EXPECT_EQ(request.dockerfile, "D");
  EXPECT_EQ(request.target, "final");
  EXPECT_THAT(request.build_args, ElementsAre(Pair("A", "1"), Pair("SET", "from environment")));
  EXPECT_THAT(request.labels, ElementsAre(Pair("k", "v=w"), Pair("bare", "")));
  EXPECT_THAT(request.build_contexts, ElementsAre(Pair("src", "../src")));
  ASSERT_EQ(request.secrets.size(), 1U);
  EXPECT_EQ(request.secrets[0].file, "/f");
  EXPECT_EQ(request.network, NetworkMode::kNone);
  EXPECT_EQ(request.jobs, 3);
  EXPECT_TRUE(request.pull);
  EXPECT_EQ(request.platform, "linux/arm64");
  EXPECT_TRUE(request.no_cache);
  EXPECT_THAT(request.no_cache_filter, ElementsAre("x", "y", "z"));
  ASSERT_EQ(request.add_hosts.size(), 2U);
  EXPECT_EQ(request.add_hosts[0].name, "db");
  EXPECT_EQ(request.add_hosts[0].address, "10.0.0.2");
  EXPECT_EQ(request.add_hosts[1].address, "::1");
  EXPECT_EQ(request.shm_bytes, 128U << 20U);
  ASSERT_EQ(request.ulimits.size(), 1U);
  EXPECT_EQ(request.ulimits[0].name, "nofile");
  EXPECT_EQ(request.ulimits[0].hard, 2);
  EXPECT_EQ(request.security.seccomp, SecurityOptions::Seccomp::kFile);
  EXPECT_EQ(request.security.seccomp_file, "p.json");
  EXPECT_TRUE(request.security.no_new_privileges);
  EXPECT_EQ(request.iidfile, "i");
  EXPECT_EQ(request.metadata_file, "m");
  ASSERT_EQ(request.outputs.size(), 1U);
  EXPECT_EQ(request.outputs[0].destination, "out");
  EXPECT_EQ(request.store_root, "/store");
}

TEST(BuildRequest, BareBuildArgThatIsNotSetIsLeftOut) {
  EXPECT_THAT(good({"--build-arg", "UNSET", "--build-arg", "EMPTY="}).build_args,
              ElementsAre(Pair("EMPTY", "")));
}

TEST(BuildRequest, PushAndLoadAreOutputs) {
  const BuildRequest request = good({"--push", "--load"});
  ASSERT_EQ(request.outputs.size(), 2U);
  EXPECT_EQ(request.outputs[0].kind, OutputSpec::Kind::kRegistry);
  EXPECT_EQ(request.outputs[1].kind, OutputSpec::Kind::kImage);
  EXPECT_THAT(good({"--push=false"}).outputs, IsEmpty());
}

TEST(BuildRequest, PullPolicies) {
  for (const char* ask : {"always", "newer", "true"})
    EXPECT_TRUE(good({std::string("--pull=") + ask}).pull) << ask;
  for (const char* keep : {"missing", "false"})
    EXPECT_FALSE(good({std::string("--pull=") + keep}).pull) << keep;
  EXPECT_THAT(bad({"--pull=never"}), HasSubstr("unknown pull policy 'never'"));
}

TEST(BuildRequest, EntitlementsAreDockersWords) {
  good({"--allow", "network.host,security.insecure", "--allow", "", "--allow=device=vendor.com/gpu=all"});
  for (const char* word : {"foo", "NETWORK.HOST", "network.none", "devices"})
    EXPECT_THAT(bad({"--allow", word}), HasSubstr(std::string("unknown entitlement '") + word + "'"));
}

TEST(BuildRequest, WrongValuesAreReportedTogether) {
  const std::string text = bad({"--network",
                                "bridge",
                                "--jobs",
                                "many",
                                "--shm-size",
                                "big",
                                "--ulimit",
                                "nofile",
                                "--add-host",
                                "db",
                                "--label",
                                "=x",
                                "--build-arg",
                                "=x",
                                "--build-context",
                                "a",
                                "-o",
                                "type=loca,dest=x",
                                "--security-opt",
                                "secomp=x",
                                "--platform",
                                "linux/amd64,linux/arm64"});
  for (const char* part :
       {"unknown network mode 'bridge'", "--jobs 'many' is not a number", "'big' is not a size",
        "in --shm-size", "--ulimit 'nofile' is not of the form", "--add-host 'db' is not of the form",
        "did you mean 'seccomp'?", "--label '=x' has no name", "--build-arg '=x' has no name",
        "--build-context 'a' is not of the form", "did you mean 'local'?",
        "--platform names several platforms"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST(BuildRequest, StandardStreamsHaveOneUse) {
  EXPECT_THAT(bad({"-f", "-", "-"}), HasSubstr("cannot both come from standard input"));
  EXPECT_THAT(bad({"-o", "-", "-o", "type=oci"}), HasSubstr("several outputs go to standard output"));
  EXPECT_THAT(bad({""}), HasSubstr("the build context is an empty path"));
}

TEST(BuildRequest, AnnotationsGoToOutputsThatWriteAManifest) {
  const BuildRequest request =
      good({"-o", "type=oci,dest=x", "-o", "type=image", "--annotation", "a.b=c=d", "--annotation",
            "manifest[linux/amd64],manifest-descriptor:e=f", "--annotation", "urn:g=h"});
  ASSERT_EQ(request.outputs.size(), 2U);
  EXPECT_THAT(request.outputs[0].attributes,
              ElementsAre(Pair("annotation-manifest-descriptor.e", "f"),
                          Pair("annotation-manifest[linux/amd64].e", "f"), Pair("annotation-urn.g", "h"),
                          Pair("annotation.a.b", "c=d")));
  EXPECT_THAT(request.outputs[1].attributes, IsEmpty());
  EXPECT_THAT(bad({"--annotation", "title"}), HasSubstr("--annotation 'title' is not of the form key=value"));
  EXPECT_THAT(bad({"--annotation", "manifest:=x"}), HasSubstr("is not of the form key=value"));
}

struct OutputCase {
  const char* text;
  OutputSpec::Kind kind;
  const char* destination;
};

TEST(OutputSpec, FormsThatDockerAccepts) {
  using Kind = OutputSpec::Kind;
  for (const OutputCase& expected : {
           OutputCase{"out", Kind::kLocal, "out"},
           OutputCase{"-", Kind::kTar, "-"},
           OutputCase{"type=local,dest=out", Kind::kLocal, "out"},
           OutputCase{"type=tar,dest=x.tar", Kind::kTar, "x.tar"},
           OutputCase{"type=tar", Kind::kTar, "-"},
           OutputCase{"TYPE=oci,Dest=x", Kind::kOci, "x"},
           OutputCase{"type=docker,dest=x.tar", Kind::kDocker, "x.tar"},
           OutputCase{"type=docker", Kind::kImage, ""},
           OutputCase{"type=cacheonly", Kind::kCacheOnly, ""},
           OutputCase{"type=local,\"dest=a,b \"\"c\"\"\"", Kind::kLocal, "a,b \"c\""},
       }) {
    const Result<OutputSpec> spec = OutputSpec::parse(expected.text);
    ASSERT_TRUE(spec) << expected.text << ": " << render(spec.error(), false);
    EXPECT_EQ(spec->kind, expected.kind) << expected.text;
    EXPECT_EQ(spec->destination, expected.destination) << expected.text;
  }
}

TEST(OutputSpec, KeepsNameAndAttributes) {
  const Result<OutputSpec> spec =
      OutputSpec::parse("type=image,name=r/a:1,push=true,compression=zstd,annotation.x=y=z");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->name, "r/a:1");
  EXPECT_THAT(spec->attributes,
              ElementsAre(Pair("annotation.x", "y=z"), Pair("compression", "zstd"), Pair("push", "true")));
}

TEST(OutputSpec, PushIsAnImageForTheRegistry) {
  EXPECT_EQ(OutputSpec::parse("type=image,push=true")->kind, OutputSpec::Kind::kRegistry);
  EXPECT_EQ(OutputSpec::parse("type=image,push=false")->kind, OutputSpec::Kind::kImage);
}

TEST(OutputSpec, WhatHasNoEffectIsNotedWithItsReason) {
  const auto notes = [](const char* text) { return OutputSpec::parse(text)->notes(); };
  EXPECT_THAT(
      notes("type=oci,compression=zstd,oci-mediatypes=true,annotation.a=b,tar=true,source-date-epoch="),
      IsEmpty());
  EXPECT_THAT(notes("type=image,unpack=true"),
              ElementsAre(HasSubstr("unpack= has no effect with type=image")));
  EXPECT_THAT(notes("type=local,dest=x,compression=gzip"), ElementsAre(HasSubstr("no layer is written")));
  EXPECT_THAT(notes("type=image,annotation.a=b"), ElementsAre(HasSubstr("annotations are of a manifest")));
}

TEST(OutputSpec, MistakesAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "it is empty"},
      {"dest=x", "type= is missing"},
      {"type=local", "type=local needs dest=DIRECTORY"},
      {"type=local,dest=-", "a directory cannot go to standard output"},
      {"type=image,dest=x", "dest= has no meaning for this type"},
      {"type=oci,compresion=zstd", "did you mean 'compression'?"},
      {"type=oci,quality=9", "the keys are type, dest, name, annotation.KEY"},
      {"type=oci,oci-mediatypes=maybe", "oci-mediatypes takes true or false, not 'maybe'"},
      {"type=image,push-by-digest=true", "take the digest from --metadata-file"},
      {"type=registry,registry.insecure=true", "by HTTPS"},
      {"type=docker,context=other", "there is no docker context"},
      {"type=docker,dest=x,tar=false", "a docker archive is always a tar"},
      {"type=local,dest=x,mode=delete", "empty the directory before the build"},
      {"type=tar,platform-split=true", "leave out platform-split"},
      {"type=oci,x.tar", "'x.tar' is not of the form key=value"},
      {"type=oci,\"dest=x", "a quotation mark is not closed"},
      {"type=oci,dest=\"x\"", "a quotation mark stands inside a field"},
      {"type=oci,\"dest=x\"y", "text follows a closing quotation mark"},
  };
  for (const auto& [text, why] : cases) {
    const Result<OutputSpec> spec = OutputSpec::parse(text);
    ASSERT_FALSE(spec) << text;
    EXPECT_THAT(render(spec.error(), false), HasSubstr(why)) << text;
  }
}

TEST(SecretSpec, SourceIsAFileOrAVariable) {
  auto parse = [](const char* text) {
    Result<SecretSpec> spec = SecretSpec::parse(text);
    EXPECT_TRUE(spec) << text;
    return spec ? *spec : SecretSpec{};
  };
  EXPECT_EQ(parse("id=a,src=/f").file, "/f");
  EXPECT_EQ(parse("id=a,source=/f").file, "/f");
  EXPECT_EQ(parse("id=a,env=V").environment, "V");
  EXPECT_EQ(parse("type=env,id=a,src=V").environment, "V");
  EXPECT_EQ(parse("type=env,id=a,src=V").file, "");
  ASSERT_EQ(setenv("SHALE_TEST_SECRET", "x", 1), 0);
  EXPECT_EQ(parse("id=SHALE_TEST_SECRET").environment, "SHALE_TEST_SECRET");
  ASSERT_EQ(unsetenv("SHALE_TEST_SECRET"), 0);
  EXPECT_EQ(parse("id=SHALE_TEST_SECRET").file, "SHALE_TEST_SECRET");
}

TEST(SecretSpec, MistakesAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"src=/f", "id= is missing"},
      {"id=a,from=b", "unknown key 'from'"},
      {"id=a,type=vault", "unknown type 'vault'"},
      {"id=a,src=/f,env=V", "src= and env= exclude each other"},
      {"plain", "'plain' is not of the form key=value"},
  };
  for (const auto& [text, why] : cases) {
    const Result<SecretSpec> spec = SecretSpec::parse(text);
    ASSERT_FALSE(spec) << text;
    EXPECT_THAT(render(spec.error(), false), HasSubstr(why)) << text;
  }
}

}  // namespace
}  // namespace shale::cli
