#pragma once

// The library in one header: the jobs that the command line runs, what they take and what they
// return. Each is declared, with its units, ranges and errors, in the header that is included for
// it; here they are gathered under short names. docs/library.md shows a program of one's own.

#include "retort/core/error.h"
#include "retort/core/log.h"
#include "retort/core/memory.h"
#include "retort/deploy/onnx_export.h"
#include "retort/generate/generate.h"
#include "retort/hub/pull.h"
#include "retort/models/registry.h"
#include "retort/run/compare.h"
#include "retort/run/config.h"
#include "retort/run/distill.h"
#include "retort/run/evaluate_run.h"
#include "retort/run/gate.h"
#include "retort/run/predict_run.h"
#include "retort/run/report_run.h"
#include "retort/run/run_folder.h"
#include "retort/version.h"

namespace retort {

// Training a student from teachers, once or as the arms of a comparison, and what that would take.
using run::compare;
using run::CompareConfig;
using run::distill;
using run::DistillOptions;
using run::Forecast;
using run::forecast;
using run::RunConfig;
using run::RunSummary;

// What a finished run's student is worth, what it says of pictures, and its page.
using run::evaluate_run;
using run::Evaluation;
using run::EvaluationOptions;
using run::FilePrediction;
using run::predict_files;
using run::write_report;

// More images: made by a generative model, and judged by a teacher.
using run::gate;
using run::GateConfig;

// A finished run's files; a student as it is handed over; the same as ONNX.
using deploy::write_onnx;
using run::load_student;
using run::RunFolder;
using run::Student;
using run::summary_of;

// Weights from a hub, and a network from its weights.
using hub::pull;
using models::load_model;

}  // namespace retort
