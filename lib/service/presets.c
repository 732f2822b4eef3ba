/* SPDX-License-Identifier: Apache-2.0 */
#include "service/presets.h"

#include <string.h>

/* Images are pinned: a tag that moves would change a service that nobody touched. */
#define TPU_IMAGE "docker.io/vllm/vllm-tpu:v0.11.1"
#define SIMULATOR_IMAGE "ghcr.io/llm-d/llm-d-inference-sim:v0.5.1"

#define TPU_NODE(topology)                                                                         \
    "cloud.google.com/gke-tpu-accelerator=tpu-v6e-slice,"                                          \
    "cloud.google.com/gke-tpu-topology=" topology
#define GPU_NODE(accelerator) "cloud.google.com/gke-accelerator=" accelerator
/* The chips of one host and no others: without bounds libtpu looks for a slice of several hosts. */
#define TPU_ENV(bounds) "PJRT_DEVICE=TPU;TPU_HOST_BOUNDS=1,1,1;TPU_CHIPS_PER_HOST_BOUNDS=" bounds

/* The label value of a v6e node is tpu-v6e-slice, not tpu-v6e, and its topologies have two
   dimensions. A T4 has no bfloat16 and ran out of memory at vLLM's own defaults. */
static const struct preset presets[] = {
    {.name = "tpu-v6e-1t",
     .kind = PRESET_TPU,
     .machine = "ct6e-standard-1t",
     .resource = "google.com/tpu",
     .chips = 1,
     .selector = TPU_NODE("1x1"),
     .image = TPU_IMAGE,
     .env = TPU_ENV("1,1,1"),
     .doc = "One TPU v6e chip."},
    {.name = "tpu-v6e-4t",
     .kind = PRESET_TPU,
     .machine = "ct6e-standard-4t",
     .resource = "google.com/tpu",
     .chips = 4,
     .selector = TPU_NODE("2x2"),
     .image = TPU_IMAGE,
     .env = TPU_ENV("2,2,1"),
     .doc = "Four TPU v6e chips, one host."},
    {.name = "tpu-v6e-8t",
     .kind = PRESET_TPU,
     .machine = "ct6e-standard-8t",
     .resource = "google.com/tpu",
     .chips = 8,
     .selector = TPU_NODE("2x4"),
     .image = TPU_IMAGE,
     .env = TPU_ENV("2,4,1"),
     .doc = "Eight TPU v6e chips, one host."},
    {.name = "nvidia-l4",
     .kind = PRESET_GPU,
     .machine = "g2-standard-8",
     .resource = "nvidia.com/gpu",
     .chips = 1,
     .selector = GPU_NODE("nvidia-l4"),
     .doc = "One NVIDIA L4, 24 GB."},
    {.name = "nvidia-h100",
     .kind = PRESET_GPU,
     .machine = "a3-highgpu-8g",
     .resource = "nvidia.com/gpu",
     .chips = 8,
     .selector = GPU_NODE("nvidia-h100-80gb"),
     .doc = "Eight NVIDIA H100, 80 GB each."},
    {.name = "nvidia-t4",
     .kind = PRESET_GPU,
     .machine = "n1-standard-8",
     .resource = "nvidia.com/gpu",
     .chips = 1,
     .selector = GPU_NODE("nvidia-tesla-t4"),
     .args = "--dtype=half --gpu-memory-utilization=0.85",
     .doc = "One NVIDIA T4, 16 GB."},
    {.name = "cpu", .kind = PRESET_PLAIN, .doc = "No accelerator; needs an image built for it."},
    {.name = "simulator",
     .kind = PRESET_SIMULATOR,
     .image = SIMULATOR_IMAGE,
     .doc = "No model at all: llm-d's simulator answers."},
};

static const struct preset plain = {.name = "", .kind = PRESET_PLAIN};

/* No preset is one as well: nothing of hardware is said then. */
const struct preset *llmd__preset(const char *name)
{
    if (!name || !name[0])
        return &plain;
    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++)
        if (!strcmp(presets[i].name, name))
            return &presets[i];
    return NULL;
}

/* Arguments that would contradict what one model of the server decides for all objects. */
static const struct {
    const char *flag;
    const char *instead;
} owned_args[] = {
    {"--port", "the server listens on 8000, as KServe's probes, Service and pool expect"},
    {"--host", "the server must be reachable from the gateway"},
    {"--model", "set the key model"},
    {"--served-model-name", "set the key modelName"},
    {"--max-model-len", "set the key maxModelLen"},
    {"--tensor-parallel-size", "set the key tensorParallel"},
    {"-tp", "set the key tensorParallel"},
    {"--ssl-certfile", "set the key tls"},
    {"--ssl-keyfile", "set the key tls"},
};

/* Arguments that an image is known to refuse; image "" is every one of vLLM. */
static const struct {
    const char *image;
    const char *flag;
    const char *advice;
} refused_args[] = {
    {"", "--prefix-cache-block-size",
     "vLLM has no such argument; it is --block-size, and "
     "--enable-prefix-caching switches the cache on"},
    {"vllm-tpu", "--gpu-memory-utilization",
     "a TPU image takes no share of GPU memory; limit maxModelLen instead"},
    {"vllm-tpu", "--enforce-eager", "XLA has no eager mode; leave it out"},
};

/* "--flag=value" and "--flag value" alike; "--flag-more" is another one. */
static bool is_flag(const char *arg, const char *flag)
{
    size_t len = strlen(flag);

    return !strncmp(arg, flag, len) && (!arg[len] || arg[len] == '=');
}

static llmd_error *check_arg(const char *image, const char *arg)
{
    for (size_t i = 0; i < sizeof(owned_args) / sizeof(owned_args[0]); i++)
        if (is_flag(arg, owned_args[i].flag))
            return llmd__error_set_advice(
                llmd__error(LLMD_E_INVALID, "args: %s is not taken", owned_args[i].flag), "%s",
                owned_args[i].instead);
    for (size_t i = 0; i < sizeof(refused_args) / sizeof(refused_args[0]); i++)
        if (is_flag(arg, refused_args[i].flag) && strstr(image, refused_args[i].image))
            return llmd__error_set_advice(
                llmd__error(LLMD_E_INVALID, "args: the image %s refuses %s",
                            image[0] ? image : "(KServe's)", refused_args[i].flag),
                "%s", refused_args[i].advice);
    return NULL;
}

/* Against the image that will run, the caller's before the preset's. */
static llmd_error *check_args(const struct preset *preset, const llmd_service_spec *spec)
{
    const char *image = spec->image ? spec->image : preset->image ? preset->image : "";

    JSON_EACH(arg, spec->args) {
        TRY(check_arg(image, llmd__json_text(arg)));
    }
    return NULL;
}

/* A pod that asks for a part of a TPU host finds no devices, so the chips are always all of them;
   tensor parallelism may use fewer. */
static llmd_error *check_parallel(const struct preset *preset, const llmd_service_spec *spec)
{
    int wanted = spec->tensor_parallel;

    if (!wanted || !preset->chips || spec->resources)
        return NULL;
    if (wanted <= preset->chips && preset->chips % wanted == 0)
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "tensorParallel: %d does not fit preset %s (%s has %d)", wanted,
                    preset->name, preset->machine, preset->chips),
        "take a divisor of %d, or another preset", preset->chips);
}

/* By the image's name, as nothing else is known before it is pulled: a mistake is worth a refusal
   here only where the name leaves no doubt. */
static llmd_error *check_image(const struct preset *preset, const llmd_service_spec *spec)
{
    if (!strcmp(preset->name, "cpu") && !spec->image)
        return llmd__error_set_advice(llmd__error(LLMD_E_INVALID, "image: preset cpu needs one"),
                                      "KServe's default image needs CUDA; name a vLLM image that "
                                      "was built for CPU");
    if (preset->kind == PRESET_TPU && spec->image && strstr(spec->image, "cuda"))
        return llmd__error_set_advice(llmd__error(LLMD_E_INVALID,
                                                  "image: %s is built for CUDA, preset %s has TPUs",
                                                  spec->image, preset->name),
                                      "leave image out for %s", TPU_IMAGE);
    return NULL;
}

llmd_error *llmd__preset_check(const struct preset *preset, const llmd_service_spec *spec)
{
    TRY(check_image(preset, spec));
    TRY(check_parallel(preset, spec));
    return check_args(preset, spec);
}
