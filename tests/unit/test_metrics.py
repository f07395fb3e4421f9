"""What a scrape gets, and that two applications in one process do not mix their numbers."""

from service.metrics import create_metrics


def test_a_page_shows_what_was_counted() -> None:
    metrics = create_metrics()

    metrics.uploads.labels("202").inc()
    metrics.pool_busy.set(2)

    assert b'waybill_uploads_total{answer="202"} 1.0' in metrics.page()
    assert b"waybill_pool_busy_workers 2.0" in metrics.page()


def test_two_applications_count_for_themselves() -> None:
    one, other = create_metrics(), create_metrics()

    one.upload_bytes.inc(5)

    assert b"waybill_upload_bytes_total 0.0" in other.page()
