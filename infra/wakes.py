"""The wake queue: who is due for a look, and when.

A wake is a hint only: the sweep sends it anew each minute for as long as it is due.
"""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.nag import accept

# No batching window, ever: with one, on a queue as quiet as this, Lambda may wait up to 20 seconds before it invokes,
# even if the window is shorter (Lambda developer guide, "Using Lambda with Amazon SQS"), and every alert goes this way.
# Without a window AWS allows batches of ten messages at most. That is enough: up to fifty checks that are due in the
# same second share a message (lastseen/aws/wakes.py), so a thousand that are due together are twenty messages and
# at most twenty digests. The largest batch, 500 checks, takes a few seconds.
BATCH: Final = 10
RECEIVES: Final = 5
# Two functions that publish at most 4 messages a second each (lastseen/aws/topic.py) stay below the 10 at which
# SNS cuts off an e-mail address; and pings always find a place in a new account, which may run ten functions at once.
CONCURRENT_BATCHES: Final = 2


class Wakes(Construct):
    """The queue and its dead letters."""

    def __init__(self, scope: Construct, construct_id: str, *, consumer_timeout: Duration) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letters(self, "DeadLetters")
        self.queue = sqs.Queue(
            self,
            "Queue",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            # AWS asks for six times the consumer's timeout, so that a slow batch is not worked on twice.
            visibility_timeout=Duration.seconds(6 * consumer_timeout.to_seconds()),
            # Bounds the heap of repeats while the consumer is broken.
            retention_period=Duration.hours(1),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=RECEIVES),
        )

    def feed(self, consumer: lambda_.Function) -> None:
        """Hand the wakes to `consumer`, who reports the failed ones of a batch by id. Grants nothing."""
        feed = lambda_.EventSourceMapping(
            self,
            "Feed",
            target=consumer,
            event_source_arn=self.queue.queue_arn,
            batch_size=BATCH,
            max_concurrency=CONCURRENT_BATCHES,
            report_batch_item_failures=True,
        )
        accept_queue_as_source(feed)


END_OF_THE_LINE: Final = "It is itself the end of the line; an alarm watches it."


def accept_queue_as_source(feed: lambda_.EventSourceMapping) -> None:
    """Say to cdk-nag that a feed from a queue keeps what failed by itself."""
    why = "The queue's own redrive policy keeps what failed; AWS takes no destination for a queue."
    accept(feed, "LambdaEventSourceMappingDestination", reason=why, pack="Serverless")


def dead_letters(scope: Construct, construct_id: str, *, fifo: bool = False) -> sqs.Queue:
    """Make a queue for what could not be handled; an alarm watches it, people have two weeks to look.

    `fifo`: of the kind that a FIFO queue needs for its own.
    """
    queue = sqs.Queue(
        scope,
        construct_id,
        fifo=fifo or None,
        enforce_ssl=True,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        retention_period=Duration.days(14),
    )
    accept(queue, "SQS3", reason=END_OF_THE_LINE)
    accept(queue, "SQSRedrivePolicy", reason=END_OF_THE_LINE, pack="Serverless")
    return queue
