"""What the service counts, for Prometheus: one registry and the few numbers its rooms report."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """A name here is a promise to dashboards; labels have few values, never an id."""

    registry: CollectorRegistry
    uploads: Counter
    upload_bytes: Counter
    deliveries: Counter
    attempts: Counter
    signature_rejections: Counter
    feed_clients: Gauge
    log_head: Gauge
    projection_lag: Gauge
    projection_set_aside: Gauge
    projection_stopped: Gauge
    pool_busy: Gauge
    pool_waiting: Gauge

    def page(self) -> bytes:
        """What a scrape of `/metrics` gets, as CONTENT_TYPE."""
        return generate_latest(self.registry)


def create_metrics() -> Metrics:
    """Numbers of their own for one running application, so that two of them never mix."""
    registry = CollectorRegistry()

    def counter(name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, namespace="waybill", registry=registry)

    def gauge(name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(name, meaning, labels, namespace="waybill", registry=registry)

    return Metrics(
        registry=registry,
        uploads=counter("uploads", "Documents offered, by how they were answered.", "answer"),
        upload_bytes=counter("upload_bytes", "Bytes of accepted documents."),
        deliveries=counter("deliveries", "Deliveries from QStash, by our answer.", "answer"),
        attempts=counter("attempts", "Finished attempts, by outcome.", "outcome"),
        signature_rejections=counter(
            "signature_rejections", "Deliveries refused for their signature.", "reason"
        ),
        feed_clients=gauge("feed_clients", "Open connections to the feed."),
        log_head=gauge("log_head_position", "The position of the newest event."),
        projection_lag=gauge(
            "projection_lag_events", "Events a projection has not folded yet.", "projection"
        ),
        projection_set_aside=gauge(
            "projection_set_aside_rows", "Rows that could not be folded further.", "projection"
        ),
        projection_stopped=gauge(
            "projection_stopped", "1 for a projection that could not go on.", "projection"
        ),
        pool_busy=gauge("pool_busy_workers", "Worker processes at work."),
        pool_waiting=gauge("pool_waiting_runs", "Runs that wait for a worker."),
    )
