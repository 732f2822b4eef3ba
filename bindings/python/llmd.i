/* SPDX-License-Identifier: Apache-2.0 */
/* The raw Python module, llmd._raw. People use the package around it. */
%module(package="llmd", threads="1") _raw

%{
#include <llmd/llmd.h>
#include <math.h>
#include <string.h>
%}

%include "stdint.i"
%nodefaultctor;
%nodefaultdtor;
%rename("%(strip:[llmd_])s") "";
%feature("autodoc", "0");

/* Getters keep the interpreter's lock: they are short, and it serialises specs. */
%nothreadallow;
%include "../threads.i"

%define LLMD_HANDLE(type, Name)
%rename(Name) type;
typedef struct type {} type;
%extend type { ~type() { type##_free($self); } }
%ignore type##_free;
%newobject type##_new;
%enddef
%include "../shapes.i"
%include "../hidden.i"
%ignore llmd_free;
%ignore llmd_error;
%rename("$ignore", regextarget=1) "^llmd_error_";

%{
/* The interpreter looks for signals: Ctrl-C ends a wait. Without the hook it would come after it. */
static bool look_for_signals(void *unused)
{
    (void)unused;
    PyGILState_STATE state = PyGILState_Ensure();
    bool stop = PyErr_CheckSignals() != 0;
    PyGILState_Release(state);
    return stop;
}

/* A new context; seconds < 0 means no deadline. */
static llmd_context *context_for(double seconds)
{
    llmd_context *ctx = llmd_context_new();
    llmd_context_set_poll(ctx, look_for_signals, NULL);
    if (seconds >= 0)
        llmd_context_set_timeout_ms(ctx, (int64_t)ceil(seconds * 1000));
    return ctx;
}

/* None or a number of seconds; false with a Python exception for anything else. */
static bool read_seconds(PyObject *value, double *seconds)
{
    *seconds = -1;
    if (value == Py_None)
        return true;
    *seconds = PyFloat_AsDouble(value);
    if (PyErr_Occurred())
        return false;
    if (*seconds >= 0 && *seconds < 1e12)
        return true;
    PyErr_SetString(PyExc_ValueError, "timeout must be None or a number of seconds from 0");
    return false;
}

static PyObject *text(const char *utf8)
{
    return PyUnicode_DecodeUTF8(utf8, (Py_ssize_t)strlen(utf8), "replace");
}

/* The error as a Python exception, made by llmd.errors; the C object stays the caller's. */
static PyObject *exception_from(const llmd_error *error)
{
    const llmd_error *under = llmd_error_cause(error);
    PyObject *cause = under ? exception_from(under) : Py_NewRef(Py_None);
    PyObject *module = cause ? PyImport_ImportModule("llmd.errors") : NULL;
    PyObject *made = module ? PyObject_CallMethod(module, "from_c", "sNNNiOLO",
        llmd_code_name(llmd_error_code(error)), text(llmd_error_message(error)),
        text(llmd_error_reason(error)), text(llmd_error_advice(error)),
        llmd_error_http_status(error), llmd_error_retryable(error) ? Py_True : Py_False,
        (long long)llmd_error_retry_after_ms(error), cause) : NULL;

    Py_XDECREF(module);
    Py_XDECREF(cause);
    return made;
}

/* Raises the error and frees it. An exception that a signal handler raised meanwhile stays. */
static void raise_error(llmd_error *error)
{
    if (!PyErr_Occurred()) {
        PyObject *exception = exception_from(error);
        if (exception) {
            PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
            Py_DECREF(exception);
        }
    }
    llmd_error_free(error);
}

/* Text without a NUL inside: C would silently stop at it. */
static const char *read_text(PyObject *value, const char *function, const char *parameter)
{
    Py_ssize_t length = 0;
    const char *utf8 = NULL;

    if (!PyUnicode_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s: %s must be str, not %.80s", function, parameter,
                     Py_TYPE(value)->tp_name);
        return NULL;
    }
    utf8 = PyUnicode_AsUTF8AndSize(value, &length);
    if (utf8 && strlen(utf8) != (size_t)length) {
        PyErr_Format(PyExc_ValueError, "%s: %s contains a NUL character", function, parameter);
        return NULL;
    }
    return utf8;
}
%}

/* An output without a typemap must not compile. */
%typemap(in) SWIGTYPE ** "llmd_output_without_a_typemap_$1_name();"

%typemap(in, numinputs=0) SWIGTYPE **out ($*1_ltype object = NULL) "$1 = &object;"
%typemap(argout) SWIGTYPE **out {
    Py_DECREF($result);
    $result = *$1 ? SWIG_NewPointerObj(SWIG_as_voidptr(*$1), $*1_descriptor, SWIG_POINTER_OWN)
                  : Py_NewRef(Py_None);
}

%typemap(in, numinputs=0) char **out (char *output = NULL) "$1 = &output;"
%typemap(argout) char **out {
    Py_DECREF($result);
    $result = *$1 ? text(*$1) : Py_NewRef(Py_None);
    llmd_free(*$1);
}

%typemap(out) llmd_error * {
    if ($1) {
        raise_error($1);
        SWIG_fail;
    }
    $result = Py_NewRef(Py_None);
}
%typemap(out) const llmd_error * {
    $result = $1 ? exception_from($1) : Py_NewRef(Py_None);
}

%typemap(in) const char * {
    if ($input != Py_None) {
        $1 = (char *)read_text($input, "$symname", "$1_name");
        if (!$1)
            SWIG_fail;
    }
}
%typemap(freearg) const char * ""
%typemap(out) const char * "$result = text($1);"

/* A context, or None or a number of seconds for one of this call only. */
%typemap(in) llmd_context *ctx (llmd_context *own = NULL, void *given = NULL, double seconds = -1) {
    if (SWIG_IsOK(SWIG_ConvertPtr($input, &given, $1_descriptor, 0)) && given) {
        $1 = (llmd_context *)given;
    } else {
        if (!read_seconds($input, &seconds))
            SWIG_fail;
        $1 = own = context_for(seconds);
    }
}
%typemap(freearg) llmd_context *ctx "llmd_context_free(own$argnum);"

%include "../api.i"

%newobject context_for;
llmd_context *context_for(double seconds);

%{
/* Only there when the library is linked statically; the tests count with it. */
extern int64_t llmd__alloc_live(void) __attribute__((weak));
static int64_t live_allocations(void)
{
    return llmd__alloc_live ? llmd__alloc_live() : -1;
}
%}
int64_t live_allocations(void);
