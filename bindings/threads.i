/* SPDX-License-Identifier: Apache-2.0 */
/* Made by bindings/threads.py from the headers; do not edit. */
%threadallow llmd_cluster_connect;
%threadallow llmd_cluster_cost;
%threadallow llmd_cluster_get;
%threadallow llmd_cluster_list_next;
%threadallow llmd_cluster_recommend;
%threadallow llmd_credentials_google;
%threadallow llmd_endpoint_model;
%threadallow llmd_endpoint_models;
%threadallow llmd_endpoint_post;
%threadallow llmd_endpoint_send;
%threadallow llmd_endpoint_stream;
%threadallow llmd_gateway_get;
%threadallow llmd_gateway_list_next;
%threadallow llmd_kube_get;
%threadallow llmd_kube_list_next;
%threadallow llmd_kube_logs_next;
%threadallow llmd_kube_proxy_get;
%threadallow llmd_kube_version;
%threadallow llmd_kube_watch_next;
%threadallow llmd_mux_next;
%threadallow llmd_service_connect;
%threadallow llmd_service_get;
%threadallow llmd_service_list_next;
%threadallow llmd_stream_next;
%threadallow llmd_task_next;
