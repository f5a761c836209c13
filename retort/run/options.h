#pragma once

#include <limits>

#include "retort/run/config.h"

namespace retort::run {

// The allowed range of a number, with both ends.
struct Range {
  double low = 0, high = std::numeric_limits<double>::infinity();
};

// Calls visitor(name, field, range, group, help) for every option. This is the only place with the
// options' names, ranges and help texts. Texts and words get an unlimited range.
template <typename Visitor>
void visit_options(RunConfig& c, Visitor&& visitor) {
  constexpr double kBig = 1e9;
  const char* const main = "The job";
  visitor("data", c.data, Range{}, main,
          "image folder (one folder a class, or train/ val/ test/ of those) or CSV manifest "
          "(path,label,split)");
  visitor("teacher", c.teacher, Range{}, main,
          "pre-trained weight file (.safetensors, .pth), a model's folder, hf:ORG/NAME on the hub, "
          "auto: the best of `retort list teachers --recommended` that was pulled, "
          "or `none`: the student from scratch; "
          "may be given again, to learn from several: TEACHER@PIXELS for the resolution that this "
          "one sees, TEACHER:WEIGHT for its share");
  visitor("student", c.student, Range{}, main,
          "architecture to train (`retort list students`), or a network of your own, TorchScript "
          "in a file *.pt");
  visitor("student-weights", c.student_weights, Range{}, main,
          "pre-trained weights to start the student from, named as the teacher's; empty: random "
          "weights");
  visitor("student-features", c.student_features, Range{}, main,
          "of a network of your own without a method forward_features: the entry of forward's dict "
          "or named tuple");
  visitor("out", c.out, Range{}, main, "run folder to write");
  visitor("tensorboard", c.tensorboard, Range{}, main,
          "write the numbers of every epoch into OUT/tensorboard as well, for TensorBoard");

  const char* const training = "Training";
  visitor("epochs", c.epochs, Range{0, 100000}, training,
          "passes over the training images; 0: 100, or as many as --hours has room for");
  visitor("hours", c.hours, Range{0, 10000}, training,
          "how long the whole run may take on this machine: epochs and the teacher's views are "
          "chosen from what is measured; 0: as long as --epochs take");
  visitor("closing-epochs", c.closing_epochs, Range{RunConfig::kByRule, 100000}, training,
          "epochs on --data's labelled images alone that follow distillation, by cross-entropy; "
          "kept only where validation is no worse; -1: where there is an --extra, as many as a "
          "tenth of distillation's images make, 10 to 100");
  visitor("closing-lr", c.closing_lr, Range{0, 10}, training,
          "their peak learning rate; 0: a tenth of distillation's");
  visitor("batch-size", c.batch_size, Range{0, 65536}, training,
          "images a step; 0: 64, or 32 where that would be fewer than 2,000 steps");
  visitor("image-size", c.image_size, Range{0, 1024}, training,
          "the student's resolution in pixels; 0: its own, but at most twice the images' size");
  visitor("optimizer", c.optimizer, Range{}, training,
          "adamw; muon: hidden kernels and matrices learn by orthogonalised momentum, the rest by "
          "AdamW; auto: muon from "
          "random weights, adamw otherwise");
  visitor("init", c.init, Range{}, training,
          "what begins anew: public, as the public implementation draws it; silent: of random "
          "weights, the end of every residual branch "
          "then begins at zero, so that blocks are the identity, of pre-trained ones the new "
          "classifier");
  visitor("lr", c.lr, Range{0, 10}, training,
          "peak learning rate, reached by linear warm-up; 0: 1e-3, or 3e-4 from pre-trained "
          "weights, or 3e-3 by AdamW alone where 10,000 "
          "images are trained on");
  visitor("schedule", c.schedule, Range{}, training,
          "after the warm-up: linear or cosine (both to zero), or constant");
  visitor("head-lr-factor", c.head_lr_factor, Range{0.001, 1000}, training,
          "the classifier learns at this many times the rate");
  visitor("weight-decay", c.weight_decay, Range{0, 10}, training,
          "decoupled weight decay, on kernels and matrices only");
  visitor("warmup", c.warmup, Range{0, 1}, training, "share of the steps that warm up");
  visitor("clip-norm", c.clip_norm, Range{0, kBig}, training,
          "largest L2 norm of the gradient; 0: no limit");
  visitor("ema", c.ema, Range{0, 0.99999}, training,
          "decay of the weights' moving average, which is then validated and kept; 0: none");
  visitor("seed", c.seed, Range{0, kBig}, training,
          "of the initial weights and the order of images");
  visitor("threads", c.threads, Range{0, 1024}, training,
          "processor threads; 0: as many as it may use: its processors, or its container's share "
          "of them");
  visitor("checkpoint-seconds", c.checkpoint_seconds, Range{0, kBig}, training,
          "at most this long between checkpoints; 0: one before every step");
  visitor("device", c.device, Range{}, training,
          "what the student and the teachers run on: cpu, cuda (the first GPU), cuda:1, …");
  visitor("precision", c.precision, Range{}, training,
          "fp32, bf16 (autocast), or auto: bf16 where the device has it");

  const char* const teacher = "Teacher";
  visitor("teacher-arch", c.teacher_arch, Range{}, teacher,
          "architecture of the weight file, where its tensor names do not tell");
  visitor("teacher-features", c.teacher_features, Range{}, teacher,
          "of a ViT: cls, cls+mean, mean, or attention (SigLIP's pool); of a graph: a tensor's "
          "name (`retort inspect` lists them); empty: "
          "those "
          "that its authors use for linear probes, or what the graph's classifier reads");
  visitor("teacher-mean", c.teacher_mean, Range{}, teacher,
          "R,G,B of its input, in [0, 1], where its file does not say: an ONNX file's are "
          "ImageNet's otherwise");
  visitor("teacher-std", c.teacher_std, Range{}, teacher, "the same");
  visitor("teacher-size", c.teacher_size, Range{0, 1024}, teacher,
          "the teacher's resolution in pixels; 0: its own");
  visitor("teacher-head", c.teacher_head, Range{}, teacher,
          "probe: fit a linear head on the teacher's features; keep: the file's own head has this "
          "task's classes; zero-shot: CLIP's or "
          "SigLIP's text tower reads the names of the classes, no labels are needed");
  visitor("prompt", c.prompt, Range{}, teacher,
          "of zero-shot, with {class} in it; may be given again, for the mean of several (default: "
          "a photo of a {class})");
  visitor("teacher-init", c.teacher_init, Range{}, teacher,
          "linear-probe: the backbone stays as it is; finetune: train all of it on this data "
          "first; scratch: the same from random weights");
  visitor("teacher-epochs", c.teacher_epochs, Range{1, 100000}, teacher,
          "epochs of finetune or scratch");
  visitor("teacher-lr", c.teacher_lr, Range{0, 10}, teacher,
          "peak learning rate of finetune (its head's is ten times that) or scratch; 0: 1e-4 for "
          "finetune, --lr's default for scratch");
  visitor("views", c.views, Range{0, 1000}, teacher,
          "views of each image that the teacher sees, once each; epochs go round them; 0: one an "
          "epoch, fewer (8 at least) where images "
          "are many");
  visitor("more-views", c.more_views, Range{}, teacher,
          "where those that are stored are fewer than the epochs: repeat them, or live: a fresh "
          "view each epoch, which the teacher sees "
          "as training goes, each time");
  visitor("store-budget", c.store_budget, Range{1, kBig}, teacher,
          "MiB on disk for the teacher's outputs; fewer views are kept where it is too small");

  const char* const objective = "Objective";
  visitor("loss", c.loss, Range{}, objective, "embedding loss (`retort list losses`), or none");
  visitor("logit-loss", c.logit_loss, Range{}, objective, "loss between logits, or none");
  visitor("label-weight", c.label_weight, Range{0, 1e6}, objective,
          "weight of cross-entropy on the labels");
  visitor("loss-weight", c.loss_weight, Range{RunConfig::kOwn, 1e6}, objective,
          "weight of the embedding loss; -1: the loss's own");
  visitor("logit-weight", c.logit_weight, Range{RunConfig::kOwn, 1e6}, objective,
          "weight of the logit loss; -1: the loss's own");
  visitor("temperature", c.temperature, Range{0, 100}, objective,
          "temperature of the logit loss; 0: the loss's own");
  visitor("label-smoothing", c.label_smoothing, Range{0, 0.9}, objective, "of cross-entropy");
  visitor("loss-option", c.loss_option, Range{}, objective,
          "NAME=VALUE, an option of the embedding loss (`retort list losses`); may be given again");
  visitor("logit-option", c.logit_option, Range{}, objective, "the same for the logit loss");

  const char* const views = "Views";
  visitor("crop-min", c.view.scale_min, Range{0.01, 1}, views,
          "smallest share of the image's area that a random crop keeps");
  visitor("crop-max", c.view.scale_max, Range{0.01, 1}, views, "largest share");
  visitor("flip", c.view.flip, Range{0, 1}, views, "probability of a horizontal flip");
  visitor("turn", c.view.turn, Range{0, 1}, views,
          "probability of a turn by 90, 180 or 270 degrees, for pictures without an up (0.75: all "
          "four ways alike)");
  visitor("brightness", c.view.brightness, Range{0, 1}, views,
          "colour jitter: factors in 1 ± this");
  visitor("contrast", c.view.contrast, Range{0, 1}, views, "the same");
  visitor("saturation", c.view.saturation, Range{0, 1}, views, "the same");
  visitor("hue", c.view.hue, Range{0, 0.5}, views, "shift in ± this share of a turn");
  visitor("randaugment", c.view.augment.randaugment, Range{0, 16}, views,
          "RandAugment: operations a view; 0: none");
  visitor("randaugment-magnitude", c.view.augment.randaugment_magnitude, Range{0, 30}, views,
          "its magnitude, of 31 steps");
  visitor("diffaugment", c.view.augment.diffaugment, Range{}, views,
          "DiffAugment: some of flip,color,crop,rotate,scale,cutout; empty: none");
  visitor("diffaugment-mode", c.view.augment.diffaugment_mode, Range{}, views,
          "S: one of them a view, drawn; M: all of them, in order");
  visitor("mixup", c.view.mix.mixup, Range{0, 4}, views,
          "blend views of two images: the α of the shares' Beta(α, α); 0: no");
  visitor("cutmix", c.view.mix.cutmix, Range{0, 4}, views,
          "paste a rectangle of another image's view: the same α; 0: no");
  visitor("view-seed", c.view_seed, Range{0, kBig}, views,
          "of the views; runs that share it share the teacher's outputs");

  const char* const dataset = "Data";
  visitor("classes", c.classes, Range{}, dataset,
          "file of class names, one a line, NAME or NAME: WORDS FOR PROMPTS: then --data is any "
          "folder of images, without labels, which "
          "--teacher-head zero-shot gives");
  visitor("extra", c.extra, Range{}, dataset,
          "DIR or DIR:RATIO, a folder of more images to learn from, generated ones or a pile "
          "without labels: RATIO (1) of them for each of "
          "--data's; may be given again");
  visitor("select", c.select, Range{0, kBig}, dataset,
          "of each --extra, only so many pictures: those that the teacher finds nearest to the "
          "task, without near-twins, balanced over what it takes them for; 0: all");
  visitor("labels", c.labels, Range{}, dataset,
          "real: only --data's are trusted; all: the class folders of --extra too");
  visitor("extra-losses", c.extra_losses, Range{}, dataset,
          "what --extra's images are for: all (embedding and logit loss), or embedding");
  visitor("val-fraction", c.val_fraction, Range{0.01, 0.5}, dataset,
          "of train, carved for validation where none is given");
  visitor("test-fraction", c.test_fraction, Range{0, 0.5}, dataset,
          "of all, where one folder holds everything");
  visitor("split-seed", c.split_seed, Range{0, kBig}, dataset, "of those splits");
  visitor("dedupe", c.dedupe, Range{}, dataset,
          "leave out of training what has an exact copy in validation or test; copies are counted "
          "in any case");
  visitor("max-skipped", c.max_skipped, Range{0, 1}, dataset,
          "share of files that may fail to decode");
  visitor("image-store", c.image_store, Range{}, dataset,
          "of the training images: pixels, decoded once into the cache; files, of which each view "
          "is decoded anew; auto: pixels, unless they "
          "would take more than half of the free disk");
  visitor("cache", c.cache, Range{}, dataset,
          "folder for decoded images and the teacher's outputs (default: $RETORT_CACHE, else "
          "~/.cache/retort)");
}

}  // namespace retort::run
